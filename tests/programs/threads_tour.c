/* A tour of POSIX threads: what they share, what they wait for, what is their own.
   Prints the same natively and in an enclave. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x) printf("%s = %ld\n", #x, (long)(x))
enum { kThreads = 8, kRounds = 2000 };

static struct timespec after_ms(clockid_t clock, long ms) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void run_all(void* (*function)(void*)) {
    pthread_t threads[kThreads];
    for (intptr_t i = 0; i < kThreads; i++) {
        if (pthread_create(&threads[i], NULL, function, (void*)i) != 0) abort();
    }
    for (int i = 0; i < kThreads; i++) pthread_join(threads[i], NULL);
}

/* --- making and joining ------------------------------------------------ */

static void* twice(void* argument) {
    return (void*)((intptr_t)argument * 2);
}

static void many(void) {
    long sum = 0;
    for (intptr_t i = 0; i < 500; i++) { /* one after the other */
        pthread_t thread;
        void* result;
        if (pthread_create(&thread, NULL, twice, (void*)i) != 0) abort();
        pthread_join(thread, &result);
        sum += (intptr_t)result;
    }
    CHECK(sum);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    static pthread_t threads[200]; /* all at once */
    for (intptr_t i = 0; i < 200; i++) {
        if (pthread_create(&threads[i], &small, twice, (void*)i) != 0) abort();
    }
    sum = 0;
    for (int i = 0; i < 200; i++) {
        void* result;
        pthread_join(threads[i], &result);
        sum += (intptr_t)result;
    }
    CHECK(sum);
}

/* --- what is a thread's own -------------------------------------------- */

static _Thread_local int own = 17;
static pthread_key_t key;
static int destroyed;
static void destroy(void* value) {
    __atomic_fetch_add(&destroyed, (int)(intptr_t)value, __ATOMIC_SEQ_CST);
}
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int initialised;
static void initialise(void) {
    initialised++;
}
static int distinct_ids[kThreads];

static void* use_own(void* argument) {
    pthread_once(&once, initialise);
    own += (int)(intptr_t)argument;
    pthread_setspecific(key, (void*)((intptr_t)argument + 1));
    for (int i = 0; i < 50; i++) sched_yield();
    if (own != 17 + (int)(intptr_t)argument) abort();
    distinct_ids[(intptr_t)argument] = (int)syscall(SYS_gettid);
    errno = (int)(intptr_t)argument;
    sched_yield();
    if (errno != (int)(intptr_t)argument) abort();
    return NULL;
}

static void privacy(void) {
    pthread_key_create(&key, destroy);
    run_all(use_own);
    CHECK(own);
    CHECK(destroyed);
    CHECK(initialised);
    int equal = 0;
    for (int i = 0; i < kThreads; i++) {
        for (int j = 0; j < i; j++) equal += distinct_ids[i] == distinct_ids[j];
        equal += distinct_ids[i] == getpid();
    }
    CHECK(equal);
    CHECK(syscall(SYS_gettid) == getpid());
}

/* --- mutexes ------------------------------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spin;
static long counter, spun;
static void* count(void* unused) {
    (void)unused;
    for (int i = 0; i < kRounds; i++) {
        pthread_mutex_lock(&mutex);
        long seen = counter;
        if (i % 100 == 0) sched_yield();
        counter = seen + 1;
        pthread_mutex_unlock(&mutex);
        pthread_spin_lock(&spin);
        spun++;
        pthread_spin_unlock(&spin);
    }
    return NULL;
}

static pthread_mutex_t robust;
static void* die_with_it(void* unused) {
    (void)unused;
    pthread_mutex_lock(&robust);
    return NULL;
}
static void* try_it(void* m) {
    return (void*)(intptr_t)pthread_mutex_trylock(m);
}
static void* timed(void* m) {
    struct timespec soon = after_ms(CLOCK_REALTIME, 20);
    return (void*)(intptr_t)pthread_mutex_timedlock(m, &soon);
}
static void* in_thread(void* (*function)(void*), void* argument) {
    pthread_t thread;
    void* result = NULL;
    if (pthread_create(&thread, NULL, function, argument) != 0) abort();
    pthread_join(thread, &result);
    return result;
}

static void mutexes(void) {
    pthread_spin_init(&spin, 0);
    run_all(count);
    CHECK(counter);
    CHECK(spun);
    pthread_mutexattr_t attributes;
    pthread_mutex_t other;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&other, &attributes);
    CHECK(pthread_mutex_lock(&other));
    CHECK(pthread_mutex_lock(&other));
    CHECK(pthread_mutex_unlock(&other));
    CHECK((intptr_t)in_thread(try_it, &other) == EBUSY);
    CHECK((intptr_t)in_thread(timed, &other) == ETIMEDOUT);
    CHECK(pthread_mutex_unlock(&other));
    CHECK((intptr_t)in_thread(try_it, &other));
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&other, &attributes);
    CHECK(pthread_mutex_unlock(&other) == EPERM);
    CHECK(pthread_mutex_lock(&other));
    CHECK(pthread_mutex_lock(&other) == EDEADLK);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attributes);
    in_thread(die_with_it, NULL);
    CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&robust));
    CHECK(pthread_mutex_unlock(&robust));
    in_thread(die_with_it, NULL);
    CHECK((intptr_t)in_thread(try_it, &robust) == EOWNERDEAD);
}

/* --- conditions, barriers, semaphores, read-write locks ----------------- */

static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, emptied = PTHREAD_COND_INITIALIZER;
static int box[4], used;
static long taken;
static void* pass(void* argument) {
    int producer = (intptr_t)argument % 2 == 0;
    for (int i = 0; i < 300; i++) {
        pthread_mutex_lock(&mutex);
        while (producer ? used == 4 : used == 0) pthread_cond_wait(producer ? &emptied : &filled, &mutex);
        if (producer) {
            box[used++] = i;
        } else {
            taken += box[--used];
        }
        pthread_cond_signal(producer ? &filled : &emptied);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static pthread_barrier_t barrier;
static int serial, arrived;
static void* meet(void* unused) {
    (void)unused;
    for (int i = 0; i < 20; i++) {
        __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
        if (pthread_barrier_wait(&barrier) != 0) __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < (i + 1) * kThreads) abort();
    }
    return NULL;
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static long pair[2];
static void* read_or_write(void* argument) {
    for (int i = 0; i < 300; i++) {
        if ((intptr_t)argument == 0) {
            pthread_rwlock_wrlock(&rwlock);
            pair[0]++;
            if (i % 50 == 0) sched_yield();
            pair[1]++;
        } else {
            pthread_rwlock_rdlock(&rwlock);
            if (pair[0] != pair[1]) abort();
        }
        pthread_rwlock_unlock(&rwlock);
    }
    return NULL;
}

static sem_t semaphore;
static void* post(void* unused) {
    (void)unused;
    for (int i = 0; i < 100; i++) sem_post(&semaphore);
    return NULL;
}

static int go;
static void* wait_for_go(void* unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (!go) pthread_cond_wait(&filled, &mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void waiting(void) {
    run_all(pass);
    CHECK(taken);
    pthread_barrier_init(&barrier, NULL, kThreads);
    run_all(meet);
    CHECK(serial);
    run_all(read_or_write);
    CHECK(pair[1]);
    sem_init(&semaphore, 0, 0);
    run_all(post);
    int value;
    sem_getvalue(&semaphore, &value);
    CHECK(value);
    while (sem_trywait(&semaphore) == 0) continue;
    struct timespec soon = after_ms(CLOCK_REALTIME, 20);
    CHECK(sem_timedwait(&semaphore, &soon) == -1 && errno == ETIMEDOUT);
    pthread_mutex_lock(&mutex);
    soon = after_ms(CLOCK_REALTIME, 20);
    CHECK(pthread_cond_timedwait(&filled, &mutex, &soon) == ETIMEDOUT);
    pthread_condattr_t attributes;
    pthread_cond_t steady;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&steady, &attributes);
    soon = after_ms(CLOCK_MONOTONIC, 20);
    CHECK(pthread_cond_timedwait(&steady, &mutex, &soon) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    pthread_t threads[kThreads];
    for (int i = 0; i < kThreads; i++) pthread_create(&threads[i], NULL, wait_for_go, NULL);
    pthread_mutex_lock(&mutex);
    go = 1;
    pthread_cond_broadcast(&filled);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < kThreads; i++) CHECK(pthread_join(threads[i], NULL));
}

/* --- the calls below ----------------------------------------------------- */

enum {
    FUTEX_WAIT = 0, /* musl has no header for these */
    FUTEX_WAKE = 1,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE_FLAG = 128
};
#define ADD_5_IF_EQUAL_0 (1u << 28 | 5u << 12)

static uint32_t words[2];
static long futex(uint32_t* word, int operation, uint32_t value, const void* time, uint32_t* second,
                  uint32_t third) {
    long result = syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, time, second, third);
    return result == -1 ? -errno : result;
}
static int asleep;
static void* wait_with_bit(void* argument) {
    __atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
    return (void*)futex(&words[0], FUTEX_WAIT_BITSET, 0, NULL, NULL, 1u << (intptr_t)argument);
}

static void futexes(void) {
    const struct timespec soon = {0, 20000000}, bad = {0, -1}, past = {1, 0};
    CHECK(futex(&words[0], FUTEX_WAIT, 1, NULL, NULL, 0) == -EAGAIN);
    CHECK(futex(&words[0], FUTEX_WAIT, 0, &soon, NULL, 0) == -ETIMEDOUT);
    CHECK(futex(&words[0], FUTEX_WAIT, 0, &bad, NULL, 0) == -EINVAL);
    CHECK(futex(&words[0], FUTEX_WAIT_BITSET, 0, &past, NULL, ~0u) == -ETIMEDOUT);
    CHECK(futex(&words[0], FUTEX_WAIT_BITSET, 0, &soon, NULL, 0) == -EINVAL);
    CHECK(futex((uint32_t*)((char*)words + 1), FUTEX_WAKE, 1, NULL, NULL, 0) == -EINVAL);
    CHECK(futex(NULL, FUTEX_WAIT, 1, NULL, NULL, 0) == -EFAULT);
    CHECK(futex(&words[0], FUTEX_WAKE, 1, NULL, NULL, 0));
    CHECK(futex(&words[0], FUTEX_CMP_REQUEUE, 1, (void*)1, &words[1], 9) == -EAGAIN);
    pthread_t threads[6];
    for (intptr_t i = 0; i < 6; i++) pthread_create(&threads[i], NULL, wait_with_bit, (void*)i);
    while (__atomic_load_n(&asleep, __ATOMIC_SEQ_CST) < 6) sched_yield();
    usleep(50000); /* now they sleep */
    CHECK(futex(&words[0], FUTEX_WAKE_BITSET, 9, NULL, NULL, 1u << 10));
    CHECK(futex(&words[0], FUTEX_WAKE_BITSET, 9, NULL, NULL, 1u << 3));
    CHECK(futex(&words[0], FUTEX_CMP_REQUEUE, 1, (void*)2, &words[1], 0));
    CHECK(futex(&words[1], FUTEX_WAKE, 1, NULL, NULL, 0));
    /* words[1] += 5; wakes one there, since it was 0, and the rest here */
    CHECK(futex(&words[0], FUTEX_WAKE_OP, 9, (void*)1, &words[1], ADD_5_IF_EQUAL_0));
    CHECK(words[1]);
    for (int i = 0; i < 6; i++) {
        void* result;
        pthread_join(threads[i], &result);
        CHECK((intptr_t)result);
    }
}

int main(void) {
    many();
    privacy();
    mutexes();
    waiting();
    futexes();
    return 0;
}
