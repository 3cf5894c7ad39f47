/* Enclavisor for host applications in C: secure VMs, templates of function enclaves
   (sdk/), their instances, and calls. The same as host/lib/machine.hpp and
   host/lib/function.hpp, which C++ programs use directly.

   Every function that can fail returns an enclavisor_status, and leaves its results
   alone when that is not ENCLAVISOR_OK; enclavisor_error() then says why, in one line.
   Pointers that are not said to be optional must not be null. All objects are closed by
   the function of their kind, which takes null too; whoever closes a machine closes
   what lives in it before.

   Threads: a machine and a template can be used by several at once, an instance by one at
   a time. Who closes an object is its last user.

   Nothing here is trusted by an enclave: what it must be told in secret needs a channel
   of its own, and what it answers is what arrives. */
#ifndef ENCLAVISOR_H
#define ENCLAVISOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum enclavisor_status {
    ENCLAVISOR_OK = 0,
    ENCLAVISOR_FAILED = 1,  /* see enclavisor_error() */
    ENCLAVISOR_TIMEOUT = 2, /* no answer in time; the enclave goes on */
    ENCLAVISOR_ENDED = 3,   /* the enclave has ended, or was destroyed */
    ENCLAVISOR_REFUSED = 4  /* the function refused the call; it goes on */
} enclavisor_status;

/* Why the last call of this thread failed; its text until the next. Never null. */
const char* enclavisor_error(void);

/* --- Machines ------------------------------------------------------------- */

typedef struct enclavisor_machine enclavisor_machine;

typedef struct enclavisor_machine_options {
    const char* platform;    /* "plain" or "sim-sev"; null: "plain" */
    uint64_t memory_mib;     /* 0: 512 */
    uint32_t cpus;           /* 0: 1 */
    const char* accelerator; /* "auto", "kvm", "tcg"; null: "auto" */
} enclavisor_machine_options;

/* Starts a VM and waits until its kernel answers. `options` null: all as by default. */
enclavisor_status enclavisor_launch(const enclavisor_machine_options* options, enclavisor_machine** machine);
void enclavisor_machine_close(enclavisor_machine* machine); /* the VM ends */

typedef struct enclavisor_stats {
    uint64_t free_pages, total_pages; /* of 4 KiB */
    uint64_t enclaves;                /* live, the attestation enclave included */
} enclavisor_stats;
enclavisor_status enclavisor_machine_stats(enclavisor_machine* machine, enclavisor_stats* stats);

/* --- Templates ------------------------------------------------------------ */

typedef struct enclavisor_template enclavisor_template;

/* Performs a call out: `function` is its number, `arguments` its encoded arguments.
   Writes the result, at most *size bytes, to `result`, and its size to *size. Returns 0, or
   another number to refuse. Called by the thread that waits for an answer of the
   enclave, or by a worker. */
typedef int (*enclavisor_call_out)(void* context, uint32_t function, const void* arguments,
                                   size_t argument_size, void* result, size_t* size);

typedef struct enclavisor_template_options {
    uint32_t instances;           /* most that live at once; 0: 63; at most 4095 slots of a page */
    uint32_t slot_pages;          /* 0: 1. Arguments or results of one call: 1536 bytes with 1 page */
    uint64_t memory_limit;        /* bytes, of each instance; 0: 16 MiB */
    uint32_t enclave_spin;        /* rounds that an enclave polls before it sleeps */
    uint32_t host_spin_us;        /* microseconds that a caller polls before it sleeps; 0: 50 */
    uint32_t patience_ms;         /* how long to wait for one answer; 0: for ever */
    uint32_t workers;             /* threads that perform calls out; 0: who waits for an answer */
    enclavisor_call_out call_out; /* optional */
    void* call_out_context;
} enclavisor_template_options;

/* Builds a function enclave out of the ELF file at `path`, runs it until ready(), and
   freezes it. `options` null: all as by default. */
enclavisor_status enclavisor_template_load(enclavisor_machine* machine, const char* path,
                                           const enclavisor_template_options* options,
                                           enclavisor_template** result);
/* It may go before its instances. */
void enclavisor_template_close(enclavisor_template* function);

/* SHA-384 over how it was built, as the VM computed it (docs/measurement.md). */
void enclavisor_template_measurement(const enclavisor_template* function, uint8_t measurement[48]);
/* The number of an entry point, by the name given to ENCLAVISOR_ENTRY. */
enclavisor_status enclavisor_template_entry(const enclavisor_template* function, const char* name,
                                            uint32_t* entry);

/* --- Instances ------------------------------------------------------------ */

typedef struct enclavisor_instance enclavisor_instance;

/* `count` instances, in as few round trips as possible: all, or none. */
enclavisor_status enclavisor_fork(enclavisor_template* function, size_t count,
                                  enclavisor_instance** instances);
/* Destroys the instances, in as few round trips as possible, and closes them. */
enclavisor_status enclavisor_destroy(enclavisor_instance** instances, size_t count);
uint64_t enclavisor_instance_handle(const enclavisor_instance* instance);

/* Its thread stops where it is; calls wait until it is resumed. */
enclavisor_status enclavisor_pause(enclavisor_instance* instance);
enclavisor_status enclavisor_resume(enclavisor_instance* instance);

/* Calls an entry point and waits. The arguments are encoded (see below). *size is the room
   at `result`, and then the result's size, both in bytes. */
enclavisor_status enclavisor_call(enclavisor_instance* instance, uint32_t entry, const void* arguments,
                                  size_t argument_size, void* result, size_t* size);

/* The same in two steps, so that up to 8 calls of one instance are under way. `room` is the
   most that the result may have. Each call is collected once, in any order. */
enclavisor_status enclavisor_call_begin(enclavisor_instance* instance, uint32_t entry, const void* arguments,
                                        size_t argument_size, size_t room, uint32_t* call);
enclavisor_status enclavisor_call_end(enclavisor_instance* instance, uint32_t call, void* result,
                                      size_t* size);

/* --- Arguments ------------------------------------------------------------ */

/* Arguments stand one behind the other, each at a multiple of 8 bytes: a value as its
   bytes, and bytes as their number (8 bytes) with the bytes behind it. Results are bare:
   one value's bytes, or bytes. */
typedef struct enclavisor_arguments {
    void* data;
    size_t room; /* of data, bytes */
    size_t size; /* used; more than `room`: they did not fit, and must not be sent */
} enclavisor_arguments;

void enclavisor_add_value(enclavisor_arguments* arguments, const void* value, size_t size);
void enclavisor_add_bytes(enclavisor_arguments* arguments, const void* bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
