/* SPDX-License-Identifier: MIT */
/*
 * The user ring: two producers with batches, the device, and the program that
 * reaps completions; each sleeps whenever the protocol lets it, or the device
 * looks again instead.
 *
 * What is checked: no entry is overwritten before it was consumed, each command
 * is consumed once and completed once, a producer's commands in their order,
 * and, as an invalid end state, that nobody sleeps for ever.
 *
 * Memory is sequentially consistent here.  In the source every step that this
 * relies on is a read-modify-write of one word, or an acquire that reads from
 * a release.  The names after "spin:" are those of the steps in the source.
 *
 * -DBREAK_... makes a mistake that must be found.
 */
#ifndef SQ
#define SQ	2
#endif
#ifndef CQ
#define CQ	2
#endif
#ifndef EACH
#define EACH	2	/* commands of one producer */
#endif
#define PRODUCERS 2
#define TOTAL	(PRODUCERS * EACH)
#define WAIT	255
#define NONE	255

byte tail = SQ, head = SQ, head_seen = SQ;
byte seq[SQ];			/* a position, or WAIT */
byte data[SQ] = NONE;		/* NONE: consumed, may be overwritten */
bool doorbell;

byte cq_head = CQ;
bool cq_stalled;		/* in the source a bit of the same word */
byte cseq[CQ];
byte cdata[CQ] = NONE;
bool interrupt;

byte consumed, reaped;

/* A command says whose it is and which of his. */
#define ID(me, k)	((me) * EACH + (k))

proctype producer(byte me)
{
	byte k, n, i, t, h, old;

	do
	:: k < EACH ->
		if
		:: n = 1
		:: k + 2 <= EACH && SQ >= 2 -> n = 2
		fi;
again:
		atomic { t = tail; h = head_seen };
		if
		:: t + n > h + SQ ->
			h = head;		/* spin: ring.reserve.head */
			head_seen = h;
#ifndef BREAK_ROOM
			if
			:: t + n > h + SQ ->
				/* The source says -EAGAIN; it may be tried. */
				(head != h || tail != t);
				goto again
			:: else
			fi
#endif
		:: else
		fi;
		atomic {			/* spin: ring.reserve.cas */
			if
			:: tail == t -> tail = t + n
			:: else -> goto again
			fi
		};
		i = 0;
		do
		:: i < n ->
			assert(data[(t + i) % SQ] == NONE);
			data[(t + i) % SQ] = ID(me, k + i);
#ifdef BREAK_FILL
			seq[(t + i) % SQ] = 0;
#endif
			i++
		:: else -> break
		od;
#ifdef BREAK_ORDER
		atomic { old = seq[t % SQ]; seq[t % SQ] = t };
		if
		:: n == 2 -> seq[(t + 1) % SQ] = t + 1
		:: else
		fi;
#else
		if
		:: n == 2 -> seq[(t + 1) % SQ] = t + 1	/* spin: ring.commit.rest */
		:: else
		fi;
#ifdef BREAK_PUBLISH
		old = seq[t % SQ];
		seq[t % SQ] = t;
#else
		atomic { old = seq[t % SQ]; seq[t % SQ] = t };	/* spin: ring.commit.first */
#endif
#endif
		if
		:: old == WAIT -> doorbell = true
		:: else
		fi;
		k = k + n;
		n = 0; i = 0; t = 0; h = 0; old = 0
	:: else -> break
	od
}

proctype device()
{
	byte pos = SQ, ctail = CQ, seen = CQ, old, id;
	byte done, c;
	byte inflight[CQ];
	byte next[PRODUCERS];
	bool stalled;

	do
	:: done < TOTAL ->
		/* Completions first: one that was taken always has room. */
		if
		:: pos - SQ > ctail - CQ ->
complete:
			c = inflight[ctail % CQ];
			assert(cdata[ctail % CQ] == NONE);
			cdata[ctail % CQ] = c;
			atomic {		/* spin: ring.complete */
				old = cseq[ctail % CQ];
				cseq[ctail % CQ] = ctail
			};
			if
			:: old == WAIT -> interrupt = true
			:: else
			fi;
			ctail++;
			done++;
			old = 0; c = 0
		:: true ->
			if
			:: pos - SQ + CQ - seen >= CQ ->
				seen = cq_head	/* spin: ring.cq.room */
			:: else
			fi;
#ifndef BREAK_CQ_ROOM
			if
			:: pos - SQ + CQ - seen >= CQ ->
				if
				:: pos - SQ > ctail - CQ -> goto complete
				:: else
				fi;
				/* No room: stall. */
				atomic { seen = cq_head; stalled = cq_stalled };
				if
				:: pos - SQ + CQ - seen < CQ -> goto on
				:: else
				fi;
				head = pos;
#ifdef BREAK_STALL
				cq_stalled = true;
				stalled = true;
#else
				atomic {	/* spin: ring.cq.stall */
					if
					:: cq_head == seen ->
						cq_stalled = true;
						stalled = true
					:: else -> stalled = false
					fi
				};
#endif
				if
				:: stalled -> doorbell; doorbell = false
				:: else
				fi;
				stalled = false;
				goto on
			:: else
			fi;
#endif
			if
			:: seq[pos % SQ] == pos ->	/* spin: ring.consume.seq */
				id = data[pos % SQ];
				assert(id != NONE);
				data[pos % SQ] = NONE;
				assert(id % EACH == next[id / EACH]);
				next[id / EACH]++;
				inflight[(pos - SQ) % CQ] = id;
				pos++;
				consumed++;
				id = 0;
				if
				:: head = pos	/* spin: ring.head.publish */
				:: true
				fi
			:: else ->
				if
				:: pos - SQ > ctail - CQ -> goto complete
				:: else
				fi;
#ifndef BREAK_HEAD
				head = pos;
#endif
				/* It polls, for as long as it likes, or sleeps. */
				if
				:: goto on
				:: true
				fi;
				old = seq[pos % SQ];
				if
				:: old == pos -> goto on
				:: else
				fi;
#ifdef BREAK_WAKE
				seq[pos % SQ] = WAIT;
#else
				atomic {	/* spin: ring.sleep.mark */
					if
					:: seq[pos % SQ] == old ->
						seq[pos % SQ] = WAIT
					:: else -> old = 0; goto on
					fi
				};
#endif
				old = 0;
				doorbell;
				doorbell = false
			fi
on:			skip
		fi
	:: else -> break
	od
}

proctype reaper()
{
	byte pos = CQ, published = CQ, old;
	byte next[PRODUCERS], id;
	bool was;

	do
	:: reaped < TOTAL ->
		if
		:: cseq[pos % CQ] == pos ->		/* spin: ring.reap.seq */
			id = cdata[pos % CQ];
			assert(id != NONE);
			cdata[pos % CQ] = NONE;
			assert(id % EACH == next[id / EACH]);
			next[id / EACH]++;
			id = 0;
			reaped++;
			pos++
		:: else ->
release:
			if
			:: published != pos ->
				published = pos;
#ifdef BREAK_RELEASE
				was = cq_stalled;
				atomic { cq_head = pos; cq_stalled = false };
#else
				atomic {	/* spin: ring.reap.head */
					was = cq_stalled;
					cq_head = pos;
					cq_stalled = false
				};
#endif
				if
				:: was -> doorbell = true
				:: else
				fi;
				was = false
			:: else
			fi;
			old = cseq[pos % CQ];
			if
			:: old == pos -> goto on
			:: else
			fi;
			atomic {
				if
				:: cseq[pos % CQ] == old ->
					cseq[pos % CQ] = WAIT
				:: else -> old = 0; goto on
				fi
			};
			old = 0;
			interrupt;
			interrupt = false;
on:			skip
		fi
	:: else -> break
	od
}

init {
	atomic {
		run producer(0);
		run producer(1);
		run device();
		run reaper()
	};
	_nr_pr == 1;
	assert(consumed == TOTAL && reaped == TOTAL)
}
