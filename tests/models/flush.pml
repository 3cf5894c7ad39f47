/* Revoking a page while another vCPU runs its enclave (kernel/arch/flush.cpp): one
   lock, requests that are served by whoever waits for it or is interrupted, frames
   that are handed out again only after the flush.

   Checked: no deadlock, and no vCPU in ring 3 can reach a frame that is another's.
   What the checker must find:
     -DNO_FLUSH      a vCPU that still reaches a frame that has a new owner
     -DNO_SERVING    a deadlock: one holds the lock and waits, the other waits for the lock */

#define CPUS 2
#define ROUNDS 2

bool locked;
bool requested[CPUS];
bool interrupt[CPUS];
bool mapped = true;      /* the page, in the tables */
bool cached[CPUS];       /* a translation of it */
bool in_ring3[CPUS];
bool foreign = false;    /* the frame belongs to somebody else now */

inline serve(me) {
    atomic {
        if
        :: requested[me] -> cached[me] = false; requested[me] = false
        :: else
        fi
    }
}

inline take_lock(me) {
    do
    :: atomic { !locked -> locked = true; break }
    :: locked ->
#ifndef NO_SERVING
        serve(me)
#else
        (!locked)
#endif
    od
}

inline drop_lock() {
    locked = false
}

/* Kernel call kUnmap, by the thread on this vCPU, and reuse of the frame; later the
   page comes back with a frame of its own. */
inline revoke(me, other) {
    take_lock(me);
    mapped = false;
    cached[me] = false;
#ifndef NO_FLUSH
    if
    :: in_ring3[other] || cached[other] ->
        requested[other] = true;
        interrupt[other] = true;
        (!requested[other])
    :: else
    fi;
#endif
    foreign = true;
    drop_lock();
    take_lock(me);
    foreign = false;
    mapped = true;
    drop_lock()
}

proctype cpu(byte me; byte other) {
    byte rounds = 0;
    do
    :: rounds == ROUNDS -> break
    :: rounds < ROUNDS ->
        in_ring3[me] = true;
        /* ring 3: touches the page, through the tables or what is cached */
        do
        :: interrupt[me] -> break
        :: atomic { mapped || cached[me] -> cached[me] = true; assert(!foreign) }
        :: atomic { !mapped && !cached[me] -> skip } /* a fault: it goes on to the kernel */ break
        :: break /* a kernel call */
        od;
        in_ring3[me] = false;
        /* ring 0 */
        if
        :: interrupt[me] -> interrupt[me] = false; take_lock(me); drop_lock()
        :: else -> revoke(me, other)
        fi;
        rounds++
    od;
    /* Idle: no address space of an enclave is loaded, and requests find it so. */
    atomic { cached[me] = false; requested[me] = false };
end:
    do
    :: requested[me] -> serve(me)
    od
}

init {
    atomic { run cpu(0, 1); run cpu(1, 0) }
}
