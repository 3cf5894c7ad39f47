// An enclave: address spaces, threads, and the promise that nobody else reaches
// into it. Lives in a frame of its own.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/evidence/measurement.hpp"
#include "abi/host/control.hpp"
#include "base/checked.hpp"
#include "kernel/enclave/object.hpp"
#include "kernel/enclave/space.hpp"
#include "kernel/memory/kernel_map.hpp"
#include "kernel/sched/thread.hpp"

namespace enclavisor::kernel {

// Why an enclave ended, as abi::EnclaveStatus reports it.
struct End {
    abi::EndReason reason;
    std::uint64_t code = 0;
    std::uint64_t detail = 0;
    std::uint64_t address = 0;
    std::uint64_t rip = 0;
};

// The host's account of one customer. Limits are the host's to choose and lie
// about; they protect its other customers from this one, no secret.
struct Tenant {
    std::uint64_t most_pages = ~0ull, most_threads = ~0ull, most_enclaves = ~0ull;
    std::uint64_t pages = 0, threads = 0, enclaves = 0;
};

struct Enclave {
    std::uint64_t handle;
    abi::EnclaveState state;
    Tenant* tenant;
    std::uint64_t limit;  // frames
    std::uint64_t used;   // frames, page tables included; shared ones count where they came from
    bool limit_hit;       // the last failed allocation was the enclave's own limit
    EnclaveMemory memory;
    Space first_space;            // where it was built; may be gone before the others
    SpaceList spaces;             // a template has one
    SpaceList gone_spaces;        // to be freed in the background
    std::uint64_t next_space;     // number of the next one
    std::uint64_t joint_entries;  // in all spaces, gone ones included
    std::uint64_t runtime_begin, runtime_size, syscall_entry;
    std::uint64_t exception_entry;  // 0: an exception ends the enclave
    ThreadList threads;
    ThreadQueue ready;                  // its threads that could run
    std::uint64_t next_thread;          // number of the next thread
    VirtAddr io_address;                // its I/O window
    std::uint64_t io_offset, io_pages;  // ... in the link
    std::uint8_t measurement[abi::kMeasurementSize];
    std::optional<std::uint32_t> place;  // of its hash, while it is being built
    std::uint64_t family;                // handle of the enclave that was built, its instances' too
    std::uint64_t group;                 // 0: in none
    std::uint8_t group_measurement[abi::kMeasurementSize];
    Enclave* origin;                         // the template that it was forked from; nullptr: built
    std::uint64_t generation;                // forks since the enclave that was built
    std::uint64_t number;                    // among the instances of its origin, from 1
    std::optional<std::uint64_t> call_word;  // of a template: where its instances wait for their first call
    std::uint64_t forks;                     // of a template: instances ever
    ObjectList objects;                      // that it made
    MappingList mappings;                    // of objects, its own or others'
    std::uint64_t instances;                 // of a template: instances that live, which keep it alive
    std::uint64_t ticks;                     // of the TSC: its threads' time on all vCPUs, up to account()
    bool torn_down;
    bool abandoned;  // goes away by itself when it is torn down: the host never had its handle
    base::ListLink<Enclave> runnable;    // has threads in `ready` and may run
    base::ListLink<Enclave> background;  // is being frozen or taken apart, or has spaces to be freed

    bool has_runtime() const { return syscall_entry != 0; }
    // Whether `offset` names a word of its I/O window.
    bool has_io_word(std::uint64_t offset) const {
        return offset % 4 == 0 && base::range_within(offset, 4, 0, io_pages * abi::kPageSize);
    }
};
static_assert(sizeof(Enclave) <= abi::kPageSize);
using EnclaveQueue = base::List<Enclave, &Enclave::runnable>;
using BackgroundQueue = base::List<Enclave, &Enclave::background>;

}  // namespace enclavisor::kernel
