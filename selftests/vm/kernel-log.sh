#!/bin/bash
# SPDX-License-Identifier: MIT
# Look at a kernel's log (standard input, as dmesg prints it) for what no test
# may leave there: print those lines with what follows them, then those lines
# alone, and exit with 1 if there are any.
#
#	dmesg | selftests/vm/kernel-log.sh [MARK]
#
# Only what comes after the last line with MARK in it counts; without that line,
# all of it does.  kernel-log.allow has what is let through, and so has the file
# VGPU_LOG_ALLOW, from the top of the tree on, if that is set.
set -u
cd "$(dirname "$0")" || exit
allow=$(cat kernel-log.allow ${VGPU_LOG_ALLOW:+"../../$VGPU_LOG_ALLOW"}) || exit

# Words by which the kernel's checks report: those of every kernel, then lock
# checking, KASAN, UBSAN, KCSAN, kmemleak, and what drivers and the memory
# management say of what was left behind.
bad='WARNING|BUG|Oops|Call Trace|[Kk]ernel panic|general protection|cut here'
bad+='|unable to handle|NULL pointer|Bad page|bad page state|page allocation failure'
bad+='|Out of memory'
bad+='|soft lockup|hard LOCKUP|rcu.*(stall|detected)|blocked for more than'
bad+='|possible (circular|recursive|irq)|inconsistent|INFO: .*(lock|task)'
bad+='|suspicious RCU|held lock|bad unlock|lock held when returning'
bad+='|scheduling while atomic|sleeping function|Invalid wait context'
bad+='|KASAN|UBSAN|KCSAN|KFENCE|KMSAN|array-index-out-of-bounds|shift-out-of-bounds'
bad+='|refcount_t|list_(add|del) corruption|ODEBUG|DEBUG_LOCKS|Objects remaining'
bad+='|[Ll]eak(ed|ing)|use-after-free|double free|still in use'
bad+='|Device .* does not have a release|tried to init an initialized'
bad+='|sysfs: cannot create duplicate|irq .*nobody cared|DMAR:.*fault|[Tt]rying to vfree'

awk -v mark="${1-}" -v bad="(^|[^A-Za-z_])($bad)" \
	-v lockdep='WARNING: possible .* detected' '
	FILENAME == ARGV[1] {
		if ($0 != "" && $0 !~ /^#/)
			allowed[$0]
		next
	}
	mark != "" && index($0, mark) { n = 0; next }
	{ line[++n] = $0 }
	function lets_through(text,    a) {
		for (a in allowed)
			if (index(text, a))
				return 1
		return 0
	}
	# A warning begins with this line, and what it is about comes next.  One
	# of lock checking has a heading first.
	function report(i,    j, end, last) {
		last = line[i] ~ lockdep ? "</TASK>" : "end trace"
		for (end = i; end < n && line[end] !~ last; end++)
			;
		for (j = i; j <= end && j <= i + (line[i] ~ lockdep ? 4 : 2); j++)
			if (lets_through(line[j]))
				return end
		return i
	}
	END {
		for (i = 1; i <= n; i++) {
			if (lets_through(line[i]))
				continue
			if ((line[i] ~ /cut here/ || line[i] ~ lockdep) &&
			    (next_i = report(i)) > i) {
				i = next_i
				continue
			}
			if (line[i] !~ bad)
				continue
			seen = 1
			for (j = i; j <= n && j < i + 40; j++) {
				print line[j]
				if (line[j] ~ bad && line[j] !~ /Call Trace|cut here/)
					head[++found] = line[j]
				if (line[j] ~ /end trace/)
					break
			}
			i = j
		}
		for (i = 1; i <= found && i <= 12; i++)
			print "==>" head[i]
		exit seen
	}' <(echo "$allow") -
