// SPDX-License-Identifier: Apache-2.0
import { testRefusals } from '@rkt/pod-fixtures';

testRefusals('pause');
