/* Whose frames live how long (kernel/enclave/fork.cpp, memory/page_tables.hpp): a
   template keeps count of its instances and cannot go before them; an instance owns
   what it has written and sees the rest through its ancestors.

   Enclave e owns frame e, if it has written. It sees the nearest written frame of
   its own or its ancestors'. Checked: what a living enclave sees is never free, and
   when all are gone, all frames are.
   What the checker must find:
     -DNO_COUNT   an instance that sees a freed frame */

#define N 4
#define NONE 255

mtype = { gone, running, frozen };

mtype state[N];
byte origin[N];
byte instances[N];
bool owned[N];   /* it has a frame of its own */
bool freed[N];   /* ... which was given back */

inline check(e) {
    atomic {
        byte at = e;
        do
        :: at == NONE -> break
        :: at != NONE && owned[at] -> assert(!freed[at]); break
        :: at != NONE && !owned[at] -> at = origin[at]
        od
    }
}

init {
    byte e, made = 1, steps = 0, k;
    atomic {
        for (k : 0 .. N - 1) { state[k] = gone; origin[k] = NONE }
        state[0] = running;
        owned[0] = true
    };
    do
    :: made < N -> /* fork of some template */
        select(e : 0 .. N - 1);
        if
        :: state[e] == frozen ->
            atomic { state[made] = running; origin[made] = e; instances[e]++; made++ }
        :: else
        fi
    :: true -> /* an instance writes: a copy of its own */
        select(e : 0 .. N - 1);
        if
        :: state[e] == running && !owned[e] -> check(e); owned[e] = true
        :: state[e] == running && owned[e] -> check(e)
        :: else
        fi
    :: true -> /* kFreeze */
        select(e : 0 .. N - 1);
        if
        :: state[e] == running -> state[e] = frozen
        :: else
        fi
    :: true -> /* kStop and kDestroy */
        select(e : 0 .. N - 1);
        if
#ifdef NO_COUNT
        :: state[e] != gone ->
#else
        :: state[e] != gone && instances[e] == 0 ->
#endif
            atomic {
                state[e] = gone;
                if :: owned[e] -> freed[e] = true :: else fi;
                if :: origin[e] != NONE -> instances[origin[e]]-- :: else fi
            }
        :: else
        fi
    :: true -> /* it is looked at */
        select(e : 0 .. N - 1);
        if
        :: state[e] != gone -> check(e)
        :: else
        fi
    :: made == N && state[0] == gone && state[1] == gone && state[2] == gone && state[3] == gone -> break
    od;
    atomic { for (k : 0 .. N - 1) { assert(!owned[k] || freed[k]); assert(instances[k] == 0) } }
}
