/* Frames that several address spaces of one enclave show (kernel/enclave/space.cpp,
   memory/table_copy.hpp, PageTables::resolve): a copied entry is counted and read-only; a
   write copies the frame, unless it has one reference left.

   Each space has one page. A write changes the value of a frame; each space remembers what
   it must read. A space that went lets go later, in the background. Checked: a shown frame
   is not free; nobody reads another's value; at the end, all frames are free.
   What the checker must find:
     -DNO_COUNTING    a page that stays writable when its space is copied
     -DNO_REFERENCE   a copy that takes no reference
     -DALWAYS_ALONE   a write in place although another shows the frame */

#define SPACES 3
#define FRAMES 3
#define VALUES 2

mtype = { none, living, going };

mtype state[SPACES];
bool shows[SPACES];    /* its page has a frame */
byte frame[SPACES];
bool writable[SPACES];
byte expected[SPACES];
byte references[FRAMES];
byte value[FRAMES];

inline allocate(s) {
    f = 0;
    do
    :: f < FRAMES && references[f] != 0 -> f++
    :: f < FRAMES && references[f] == 0 -> break
    od;
    references[f] = 1;
    frame[s] = f;
    shows[s] = true;
    writable[s] = true
}

inline release(old) {
    assert(references[old] > 0);
    references[old]--;
    if :: references[old] == 0 -> value[old] = 0 :: else fi
}

/* Space `s` shows its page no more. */
inline drop(s) {
    release(frame[s]);
    shows[s] = false; writable[s] = false; frame[s] = 0; expected[s] = 0
}

inline look(s) {
    if
    :: shows[s] -> assert(references[frame[s]] > 0); assert(value[frame[s]] == expected[s])
    :: else
    fi
}

/* A write of space `s`, after the fault that it may take. */
inline write(s) {
    if
    :: !shows[s] -> allocate(s)
    :: shows[s] && !writable[s] ->
        before = frame[s];
        if
#ifdef ALWAYS_ALONE
        :: true -> writable[s] = true
#else
        :: references[before] == 1 -> writable[s] = true
        :: else -> allocate(s); release(before)
#endif
        fi
    :: else
    fi;
    value[frame[s]] = (value[frame[s]] + 1) % VALUES;
    expected[s] = value[frame[s]]
}

init {
    byte s, t, f, before;
    atomic {
        for (s : 0 .. SPACES - 1) { state[s] = none }
        s = 0;
        state[s] = living;
        write(s)
    };
    do
    :: true -> /* kForkSpace and kCopySpace of the page */
        atomic {
            select(s : 0 .. SPACES - 1);
            select(t : 0 .. SPACES - 1);
            if
            :: state[s] == living && state[t] == none ->
                state[t] = living;
                expected[t] = expected[s];
                if
                :: shows[s] ->
                    shows[t] = true;
                    frame[t] = frame[s];
#ifndef NO_REFERENCE
                    references[frame[s]]++;
#endif
#ifndef NO_COUNTING
                    writable[s] = false;
#endif
                    writable[t] = false
                :: else
                fi;
                look(t)
            :: else
            fi;
            s = 0; t = 0
        }
    :: true ->
        atomic {
            select(s : 0 .. SPACES - 1);
            if :: state[s] == living -> write(s) :: else fi;
            s = 0; f = 0; before = 0
        }
    :: true -> /* kUnmap, which reads as zero when it is mapped anew */
        atomic {
            select(s : 0 .. SPACES - 1);
            if
            :: state[s] == living && shows[s] -> drop(s)
            :: else
            fi;
            s = 0; t = 0
        }
    :: true -> /* it is looked at */
        atomic {
            select(s : 0 .. SPACES - 1);
            if :: state[s] == living -> look(s) :: else fi;
            s = 0; f = 0; before = 0
        }
    :: true -> /* its last thread leaves it */
        atomic {
            select(s : 0 .. SPACES - 1);
            if :: state[s] == living -> state[s] = going :: else fi;
            s = 0; f = 0; before = 0
        }
    :: true -> /* the background frees it */
        atomic {
            select(s : 0 .. SPACES - 1);
            if
            :: state[s] == going ->
                if :: shows[s] -> drop(s) :: else fi;
                state[s] = none
            :: else
            fi;
            s = 0; t = 0
        }
    :: state[0] == none && state[1] == none && state[2] == none -> break
    od;
    for (s : 0 .. FRAMES - 1) { assert(references[s] == 0) }
}
