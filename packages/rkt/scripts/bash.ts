// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';
import { allOptions, quoted, type CommandTable } from './tables.ts';

/** The completion script of bash. */
export function bashCompletion(tables: readonly CommandTable[]): string {
  const names = [...tables.map(({ name }) => name), 'help', 'completion'].toSorted().join(' ');
  return `# bash completion of rkt
_rkt_words() {
	COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

_rkt() {
	local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= sub= i
	case \${COMP_WORDS[0]##*/} in
	rkt-*) command=\${COMP_WORDS[0]##*/rkt-} ;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case \${COMP_WORDS[i]} in
		--dir) ((i++)) ;;
		-* | =) ;;
		*)
			if [ -z "$command" ]; then
				command=\${COMP_WORDS[i]}
			elif [ -z "$sub" ]; then
				sub=\${COMP_WORDS[i]}
			fi
			;;
		esac
	done
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=\${COMP_WORDS[COMP_CWORD-2]}
	case $command in
	'') _rkt_words ${quoted(names)} ;;
	help) _rkt_words ${quoted(names)} ;;
	completion) _rkt_words 'bash zsh fish' ;;
${tables.map(commandCase).join('\n')}
	esac
}

complete -o default -F _rkt rkt ${tables.map(({ name }) => `rkt-${name}`).join(' ')}
`;
}

function commandCase(table: CommandTable): string {
  const lines = [`		-*:*) _rkt_words ${quoted(words(allOptions(table)))} ;;`];
  if (table.subcommands.length > 0) {
    lines.push(`		*:) _rkt_words ${quoted(table.subcommands.map(({ name }) => name).join(' '))} ;;`);
    for (const { name, operand } of table.subcommands) lines.push(`		*:${name}) ${operandLine(operand)} ;;`);
  } else {
    lines.push(`		*) ${operandLine(table.operand)} ;;`);
  }
  return `	${table.name})
		case $prev in
${valueCases(allOptions(table)).join('\n')}
		esac
		case $cur:$sub in
${lines.join('\n')}
		esac
		;;`;
}

/** Options whose value is one of a few words, or a file. */
function valueCases(options: OptionTable): string[] {
  const listed = Object.entries(options).flatMap(([name, option]) =>
    option.choices === undefined ? [] : [`		--${name}) _rkt_words ${quoted(option.choices.join(' '))} && return ;;`],
  );
  const files = Object.entries(options).flatMap(([name, option]) =>
    option.value === 'FILE' || option.value === 'DIR' ? [`--${name}`] : [],
  );
  return [...listed, ...(files.length > 0 ? [`		${files.join(' | ')}) return ;;`] : [])];
}

function words(options: OptionTable): string {
  return Object.keys(options)
    .map((name) => `--${name}`)
    .join(' ');
}

function operandLine(operand: CommandTable['operand']): string {
  switch (operand) {
    case 'pod':
      return `_rkt_words "$(rkt list --full --no-legend 2>/dev/null | cut -f1)"`;
    case 'image':
      return `_rkt_words "$(rkt image list --no-legend 2>/dev/null | cut -f1)"`;
    case 'file':
      return ':';
  }
}
