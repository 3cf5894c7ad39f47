/* The same in C, with what is different there. Usage: function-example-c FUNCTION [PLATFORM] */
#include <enclavisor/enclavisor.h>
#include <stdio.h>
#include <string.h>

static int greet(void* context, uint32_t function, const void* arguments, size_t argument_size, void* result,
                 size_t* size) {
    uint64_t length;
    (void)context;
    if (function != 1 || argument_size < sizeof(length)) return 1;
    memcpy(&length, arguments, sizeof(length));
    if (length > argument_size - sizeof(length)) return 1;
    const int written =
        snprintf(result, *size, "Good morning, %.*s!", (int)length, (const char*)arguments + sizeof(length));
    if (written < 0 || (size_t)written >= *size) return 1;
    *size = (size_t)written;
    return 0;
}

static int fail(void) {
    fprintf(stderr, "function-example-c: %s\n", enclavisor_error());
    return 1;
}

int main(int count, char** arguments) {
    if (count < 2) return 2;
    const enclavisor_machine_options machine_options = {.platform = count > 2 ? arguments[2] : "plain"};
    const enclavisor_template_options options = {.call_out = greet, .patience_ms = 60000};
    enclavisor_machine* machine;
    enclavisor_template* greeter;
    enclavisor_instance* instances[2];
    uint32_t add, greet_entry;
    if (enclavisor_launch(&machine_options, &machine) || /* or: it failed */
        enclavisor_template_load(machine, arguments[1], &options, &greeter) ||
        enclavisor_template_entry(greeter, "add", &add) ||
        enclavisor_template_entry(greeter, "greet", &greet_entry) || enclavisor_fork(greeter, 2, instances))
        return fail();

    char bytes[128], text[100];
    enclavisor_arguments numbers = {bytes, sizeof(bytes), 0};
    int a = 2, b = 3, sum;
    size_t size = sizeof(sum);
    enclavisor_add_value(&numbers, &a, sizeof(a));
    enclavisor_add_value(&numbers, &b, sizeof(b));
    if (enclavisor_call(instances[0], add, bytes, numbers.size, &sum, &size)) return fail();
    printf("2 + 3 = %d\n", sum);

    enclavisor_arguments name = {bytes, sizeof(bytes), 0};
    size = sizeof(text);
    enclavisor_add_bytes(&name, "Ada", 3);
    if (enclavisor_call(instances[1], greet_entry, bytes, name.size, text, &size)) return fail();
    printf("%.*s\n", (int)size, text);

    size = sizeof(sum);
    if (enclavisor_call(instances[0], add, bytes, 8, &sum, &size) != ENCLAVISOR_REFUSED) return 1;
    printf("refused: %s\n", enclavisor_error());

    if (enclavisor_destroy(instances, 2)) return fail();
    enclavisor_template_close(greeter);
    enclavisor_machine_close(machine);
    return 0;
}
