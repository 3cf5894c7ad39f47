/* Makes threads until there can be no more, and lives on. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void* wait_for_end(void* unused) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static int explode(void) {
    static pthread_t threads[20000];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    int made = 0, error = 0;
    pthread_mutex_lock(&mutex);
    while (made < 20000 && (error = pthread_create(&threads[made], &small, wait_for_end, NULL)) == 0) made++;
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < made; i++) pthread_join(threads[i], NULL);
    printf("refused with EAGAIN: %d\n", error == EAGAIN);
    return made;
}

int main(void) {
    int first = explode();
    printf("at least 100: %d, the same again: %d\n", first >= 100, explode() == first);
    return 0;
}
