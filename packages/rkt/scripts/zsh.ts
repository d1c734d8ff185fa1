// SPDX-License-Identifier: Apache-2.0
import type { Option, OptionTable } from '@rkt/command';
import { quoted, type CommandTable } from './tables.ts';

/** The completion script of zsh: a function file for `$fpath`. */
export function zshCompletion(tables: readonly CommandTable[]): string {
  const commands = [
    ...tables,
    { name: 'help', summary: 'print the help of a command' },
    { name: 'completion', summary: 'print a completion script' },
  ];
  return `#compdef rkt
# zsh completion of rkt
_rkt_pods() {
	compadd -- \${(f)"$(rkt list --full --no-legend 2>/dev/null | cut -f1)"}
}

_rkt_images() {
	compadd -- \${(f)"$(rkt image list --no-legend 2>/dev/null | cut -f1)"}
}

_rkt() {
	local curcontext=$curcontext state line
	local -a commands
	commands=(
${commands.map((command) => `		${described(command)}`).join('\n')}
	)
	_arguments -C '--dir=[keep images and pods in this directory]:directory:_files -/' '--debug[say more]' '1: :->command' '*:: :->rest'
	case $state in
	command) _describe command commands ;;
	rest)
		case $words[1] in
		help) _describe command commands ;;
		completion) _values shell bash zsh fish ;;
${tables.map((table) => caseOf(table, '\t\t')).join('\n')}
		esac
		;;
	esac
}

_rkt "$@"
`;
}

function caseOf(table: CommandTable, indent: string): string {
  if (table.subcommands.length === 0) return `${indent}${table.name}) ${argumentsOf(table)} ;;`;
  const subs = table.subcommands.map((sub) => described(sub)).join(' ');
  return `${indent}${table.name})
${indent}	local -a subs
${indent}	subs=(${subs})
${indent}	_arguments -C ${specs(table.options)} '1: :->sub' '*:: :->arguments'
${indent}	case $state in
${indent}	sub) _describe command subs ;;
${indent}	arguments)
${indent}		case $words[1] in
${table.subcommands.map((sub) => caseOf(sub, `${indent}\t\t`)).join('\n')}
${indent}		esac
${indent}		;;
${indent}	esac
${indent}	;;`;
}

function argumentsOf({ options, operand }: CommandTable): string {
  const operands = { pod: '*: :_rkt_pods', image: '*: :_rkt_images', file: '*: :_files' }[operand];
  return `_arguments ${specs(options)} ${quoted(operands)}`;
}

function specs(options: OptionTable): string {
  return Object.entries(options)
    .map(([name, option]) => quoted(spec(name, option)))
    .join(' ');
}

function spec(name: string, option: Option): string {
  const text = option.describe.replace(/[[\]:\\]/g, String.raw`\$&`);
  const repeat = option.type === 'strings' ? '*' : '';
  if (option.type === 'boolean' || option.implied !== undefined) return `${repeat}--${name}[${text}]`;
  const value = option.choices === undefined ? valueOf(option) : `value:(${option.choices.join(' ')})`;
  return `${repeat}--${name}=[${text}]:${value}`;
}

function valueOf({ value }: Option): string {
  if (value === 'DIR') return 'directory:_files -/';
  return value === 'FILE' ? 'file:_files' : 'value:';
}

function described({ name, summary }: { readonly name: string; readonly summary: string }): string {
  return quoted(`${name}:${summary.replaceAll(':', String.raw`\:`)}`);
}
