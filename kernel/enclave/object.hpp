// Memory objects: pages that one enclave makes and others map, if it grants them
// that. What is granted can be taken back, and is gone when the call returns.
//
// An object lives in a frame of its own. Its pages belong to it and are charged to
// its maker; entries that show them say so (Entry::object_data).
#pragma once

#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "abi/evidence/measurement.hpp"
#include "base/list.hpp"
#include "kernel/memory/address.hpp"

namespace enclavisor::kernel {

struct Enclave;
struct Kernel;
struct Space;
class MemoryObject;

// Where an enclave has mapped an object.
struct Mapping {
    MemoryObject* object;
    Enclave* enclave;  // nullptr: this place is free
    Space* space;      // of the enclave's, that shows it
    VirtAddr address;
    base::ListLink<Mapping> siblings;  // the enclave's
};
using MappingList = base::List<Mapping, &Mapping::siblings>;

struct Grant {
    bool used;
    bool writable;
    std::uint64_t instance;  // 0: see below
    std::uint64_t group;     // 0: everybody with the measurement
    std::uint8_t measurement[abi::kMeasurementSize];
};

class MemoryObject {
public:
    static constexpr std::uint64_t kMaxPages = abi::kMaxObjectPages;  // cleared or mapped by one call
    static constexpr int kMaxGrants = 16, kMaxMappings = 32;

    std::uint64_t handle;
    Enclave* maker;
    std::uint64_t page_count;
    PhysAddr lists[kMaxPages / 512];  // each: the frames of 512 pages
    Grant grants[kMaxGrants];
    Mapping mappings[kMaxMappings];
    base::ListLink<MemoryObject> siblings;  // the maker's

    PhysAddr& frame(std::uint64_t page);
    // Whether `enclave` may map it so: its maker, or who was granted it.
    bool allows(const Enclave& enclave, bool writable) const;
};
static_assert(sizeof(MemoryObject) <= abi::kPageSize);
using ObjectList = base::List<MemoryObject, &MemoryObject::siblings>;

// nullptr: no memory, or no handle.
MemoryObject* create_object(Kernel& kernel, Enclave& maker, std::uint64_t pages);

// False: there are too many grants.
bool grant(MemoryObject& object, const Grant& grant);

enum class MapOutcome : std::uint8_t { kMapped, kOccupied, kNoMemory };
// `range` is as long as the object.
MapOutcome map_object(Space& space, MemoryObject& object, PageRange range, Permissions permissions);

// The enclave has unmapped or replaced all pages of `range` in `space` itself: mappings that
// lie in it are no more.
void forget_mappings(Space& space, PageRange range);

// The space goes away. What the common range shows stays mapped, in another space.
void leave_mappings(Space& space);

// Takes grants and mappings from the enclave with that handle, or (0) from all but
// the maker. No vCPU can reach the pages through them on return.
void revoke(Kernel& kernel, MemoryObject& object, std::uint64_t instance);

// Revokes, also from the maker, and frees the pages.
void close_object(Kernel& kernel, MemoryObject& object);

}  // namespace enclavisor::kernel
