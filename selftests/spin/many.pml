/* SPDX-License-Identifier: MIT */
/*
 * vgpu_queue: the ring with two consumers that copy, then claim, and their
 * sleep on a futex; two producers; and, by choice, somebody who closes.
 *
 * -DMODE_PAIR	each consumer, having taken a command, waits until the other has
 *		taken one too: nobody may sleep while there is work
 * -DMODE_CLOSE	the queue is closed at any moment: what was accepted is taken, and
 *		then both consumers end
 * -DMODE_LEAVE	consumer 0 leaves at some deadline: the other gets the rest
 *
 * Checked besides: each command is taken once and is the one that was put
 * there; and, as an invalid end state, that nobody sleeps for ever.
 * -DBREAK_... makes a mistake that must be found.  See ring.pml for the rest.
 */
#define SQ	2
#ifndef EACH
#define EACH	2
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#define CONSUMERS 2
#define TOTAL	(PRODUCERS * EACH)
#define WAIT	255

byte tail = SQ, head = SQ;
bool closed;			/* in the source a bit of the tail */
bool stop;
byte seq[SQ];
byte data[SQ];			/* a command is the position it was put at */
#ifdef MODE_PAIR
byte took[CONSUMERS];		/* how many each has taken */
#endif

byte sleepers;
/*
 * The futex's counter, as those see it who wait on it: whether it was raised
 * since a consumer read it.  True while he is not interested.
 */
bool raised[CONSUMERS] = true;
bool asleep[CONSUMERS];

/* FUTEX_WAKE of one, whichever; the counter was raised before. */
inline futex_wake_one()
{
	atomic {
		if
		:: asleep[0] -> asleep[0] = false
		:: asleep[1] -> asleep[1] = false
		:: !asleep[0] && !asleep[1]
		fi
	}
}

inline raise()
{
	d_step { raised[0] = true; raised[1] = true }	/* spin: queue.wake */
}

inline wake_one()
{
	raise();
	futex_wake_one()
}

inline wake_all()
{
	raise();
	atomic { asleep[0] = false; asleep[1] = false }
}

/* The mark for position p: marked says whether the head's slot has it. */
inline many_mark(p)
{
#ifdef BREAK_STALE_MARK
	before = seq[(p) % SQ];
	if
	:: before == (p) -> marked = false
	:: else ->
		atomic {
			if
			:: seq[(p) % SQ] == before ->
				seq[(p) % SQ] = WAIT;
				marked = true
			:: else -> marked = false
			fi
		}
	fi;
#else
	before = ((p) < 2 * SQ -> 0 : (p) - SQ);
	atomic {			/* spin: ring.many.mark */
		if
		:: seq[(p) % SQ] == before -> seq[(p) % SQ] = WAIT; marked = true
		:: seq[(p) % SQ] == WAIT -> marked = true
		:: else -> marked = false
		fi
	};
#endif
	before = 0
}

proctype producer()
{
	byte k, n, t, old;

	do
	:: k < EACH ->
		if
		:: n = 1
		:: k + 2 <= EACH -> n = 2
		fi;
		/*
		 * In the source loads of tail and head, and a compare and
		 * exchange of the tail; a head read earlier only refuses more.
		 */
		atomic {
			(closed || tail + n <= head + SQ);
			if
			:: closed -> goto out
			:: else -> t = tail; tail = tail + n
			fi
		};
		/* Consumers may be copying from here; their claim fails. */
		d_step {
			assert(head + SQ > t);
			data[t % SQ] = t
		};
		if
		:: n == 2 ->
			data[(t + 1) % SQ] = t + 1;
			seq[(t + 1) % SQ] = t + 1
		:: else
		fi;
		d_step { old = seq[t % SQ]; seq[t % SQ] = t };
		if
		:: old == WAIT && sleepers > 0 ->
			raise();
			futex_wake_one();
			if
			:: n == 2 -> futex_wake_one()
			:: else
			fi
		:: else
		fi;
		d_step { k = k + n; n = 0; t = 0; old = 0 }
	:: else -> break
	od;
out:	skip
}

/* One try to take; ok says whether it did. */
inline take()
{
	ok = false;
	h = head;				/* spin: ring.take.head */
	do
	:: true ->
		if
		:: seq[h % SQ] == h ->
#ifdef BREAK_CLAIM
			atomic {
				if
				:: head == h -> head = h + 1; ok = true
				:: else -> h = head
				fi
			};
			copy = data[h % SQ];
#else
			copy = data[h % SQ];
			atomic {		/* spin: ring.take.cas */
				if
				:: head == h -> head = h + 1; ok = true
				:: else -> h = head
				fi
			};
#endif
			if
			:: ok ->
				assert(copy == h);
				break
			:: else
			fi
		:: else ->
			if
			:: head == h -> break
			:: else -> h = head
			fi
		fi
	od;
	copy = 0;
	if
	:: ok ->
#ifndef BREAK_PASS
		if
		:: sleepers > 0 ->	/* spin: queue.take.sleepers */
#ifndef BREAK_CLOSE
			if
			:: stop -> wake_all()
			:: else ->
#endif
				many_mark(h + 1);	/* spin: queue.pass.mark */
				if
				:: !marked -> wake_one()
				:: else
				fi;
				marked = false
#ifndef BREAK_CLOSE
			fi
#endif
		:: else
		fi
#endif
	:: else
	fi;
	h = 0
}

proctype consumer(byte me)
{
	byte h, copy, before;
	bool ok, marked, late;

	do
	:: true ->
#ifndef MODE_CLOSE
		if
		:: head == SQ + TOTAL -> break
		:: else
		fi;
#endif
#ifdef MODE_PAIR
		if
		:: took[me] == TOTAL / 2 -> break
		:: else
		fi;
#endif
		take();
		if
		:: ok -> goto taken
		:: else
		fi;
		sleepers++;			/* spin: queue.sleep.count */
		do
		:: true ->
			raised[me] = false;	/* spin: queue.sleep.seen */
			take();
			if
			:: ok -> break
			:: else
			fi;
			if
			:: stop && head == tail -> goto gone
			:: else
			fi;
			if
			:: late -> goto gone
			:: else
			fi;
			h = head;		/* spin: queue.sleep.head */
			many_mark(h);
			h = 0;
			if
			:: marked ->
				marked = false;
				atomic {	/* spin: queue.sleep.wait */
					if
					:: !raised[me] -> asleep[me] = true
					:: else
					fi;
					raised[me] = true
				};
#ifdef MODE_LEAVE
				/* Waiting for more than all is fine. */
end_asleep:
#endif
				if
				:: !asleep[me]
#ifdef MODE_LEAVE
				/* The deadline: out of the futex's list. */
				:: atomic { me == 0 && asleep[me] ->
					asleep[me] = false;
					late = true }
#endif
				fi
			:: else
			fi
		od;
		atomic { raised[me] = true; sleepers-- };
taken:
		ok = false;
#ifdef MODE_PAIR
		took[me]++;
		took[1 - me] >= took[me];
#endif
		skip
	od;
	goto out;
gone:
	atomic { raised[me] = true; sleepers-- };
out:	skip
}

#ifdef MODE_CLOSE
proctype closer()
{
	closed = true;		/* spin: queue.close */	/* spin: queue.state */
	stop = true;				/* spin: queue.stop */
	wake_all()
}
#endif

init {
	atomic {
		run producer();
#if PRODUCERS == 2
		run producer();
#endif
		run consumer(0);
		run consumer(1);
#ifdef MODE_CLOSE
		run closer()
#endif
	};
#ifdef MODE_LEAVE
	/* All was taken; who still sleeps waits for more, and may. */
	head == SQ + TOTAL
#else
	_nr_pr == 1;
	assert(head == tail)
#endif
}
