#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void* a, const void* b) {
    return *(const int*)a - *(const int*)b;
}

int main(int argc, char** argv) {
    int numbers[] = {5, 3, 9, 1};
    qsort(numbers, 4, sizeof *numbers, compare);
    for (int i = 0; i < 4; i++) printf("%d %.3f\n", numbers[i], sqrt(numbers[i]));
    return argc > 1 ? atoi(argv[1]) : 0;
}
