/* The I/O ring of abi/host/io_area.hpp: an enclave thread that submits and waits,
   and the proxy that serves it. Each sleeps only after it has said so and looked
   again. Checked: nobody sleeps for ever while there is something to do, every
   submission is answered once and in order.

   Memory is sequentially consistent here: a full fence stands between the store and
   the second look in the code. What the checker must find:
     -DNO_SECOND_LOOK   a lost wake-up (deadlock)
     -DNO_FENCE         the same: stores wait in a buffer while the other looks */

#define CALLS 4
#define SPINS 1

byte submitted, completed;
bool enclave_waits, host_waits;
bool enclave_asleep, host_asleep; /* in the kernel; in the futex */
byte answered;

#ifdef NO_FENCE
/* A store that others see some time later. */
bool enclave_waits_buffer, host_waits_buffer;
#define SAY(flag, value) flag##_buffer = value
active proctype store_buffers() {
end:
    do
    :: enclave_waits != enclave_waits_buffer -> enclave_waits = enclave_waits_buffer
    :: host_waits != host_waits_buffer -> host_waits = host_waits_buffer
    od
}
#else
#define SAY(flag, value) flag = value
#endif

active proctype enclave() {
    byte i, spins;
    for (i : 1 .. CALLS) {
        submitted = i;
        /* Call::kDoorbell */
        if
        :: host_waits -> atomic { host_waits = false; host_asleep = false }
        :: else
        fi;
        spins = 0;
        do
        :: completed == i -> break
        :: completed != i && spins < SPINS -> spins++
        :: completed != i && spins == SPINS ->
            SAY(enclave_waits, true);
#ifndef NO_SECOND_LOOK
            if
            :: completed == i -> SAY(enclave_waits, false); break
            :: else
            fi;
#endif
            /* Call::kWaitIo looks once more, under the kernel's lock, before it sleeps;
               a doorbell wakes. */
#ifdef NO_SECOND_LOOK
            enclave_asleep = true;
#else
            atomic { if :: completed != i -> enclave_asleep = true :: else fi };
#endif
            (!enclave_asleep);
            SAY(enclave_waits, false)
        od;
        assert(answered == i)
    }
}

active proctype proxy() {
    byte done, spins;
end:
    do
    :: submitted != done ->
        assert(submitted == done + 1);
        answered = submitted;
        done++;
        completed = done;
        /* the guest's doorbell */
        if
        :: enclave_waits -> enclave_asleep = false
        :: else
        fi;
        spins = 0
    :: submitted == done && spins < SPINS -> spins++
    :: submitted == done && spins == SPINS ->
        SAY(host_waits, true);
#ifndef NO_SECOND_LOOK
        if
        :: submitted != done -> SAY(host_waits, false); spins = 0; goto end
        :: else
        fi;
#endif
        /* The futex sleeps only while the word still says so. */
        atomic { if :: host_waits -> host_asleep = true :: else fi };
endsleep:
        (!host_asleep);
        SAY(host_waits, false);
        spins = 0
    od
}
