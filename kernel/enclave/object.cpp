#include "kernel/enclave/object.hpp"

#include <new>

#include "kernel/arch/flush.hpp"
#include "kernel/kernel.hpp"

namespace enclavisor::kernel {
namespace {

constexpr std::uint64_t kPerList = abi::kPageSize / sizeof(PhysAddr);

void release_frames(MemoryObject& object) {
    EnclaveMemory& memory = object.maker->memory;
    for (std::uint64_t i = 0; i < object.page_count; i++) memory.release(object.frame(i));
    for (const PhysAddr list : object.lists) {
        if (list.value != 0) memory.release(list);
    }
    memory.release(frame_of(&object));
}

// False when memory is short; `page_count` says how far it came.
bool allocate_frames(MemoryObject& object, std::uint64_t pages) {
    EnclaveMemory& memory = object.maker->memory;
    while (object.page_count < pages) {
        PhysAddr& list = object.lists[object.page_count / kPerList];
        if (list.value == 0) {
            const auto frame = memory.allocate_dirty();
            if (!frame) return false;
            list = *frame;
        }
        const auto frame = memory.allocate();
        if (!frame) return false;
        object.frame(object.page_count++) = *frame;
    }
    return true;
}

// Who sleeps on a word of the object must look again: it is about to lose it.
void wake_sleepers(Kernel& kernel, MemoryObject& object, Enclave& enclave) {
    Thread* next;
    for (Thread* t = enclave.threads.first(); t != nullptr; t = next) {
        next = ThreadList::next(t);
        if (t->waiting != Waiting::kWord || t->key.scope != nullptr) continue;
        const PhysAddr page{t->key.address & ~(abi::kPageSize - 1)};
        for (std::uint64_t i = 0; i < object.page_count; i++) {
            if (object.frame(i) != page) continue;
            kernel.scheduler.wake(t, 0);
            break;
        }
    }
}

// Whether that page of the object is still where it was mapped; the enclave may have put
// something else in its place.
bool shows_page(MemoryObject& object, const Mapping& mapping, std::uint64_t page) {
    const Entry entry = mapping.space->tables.lookup(mapping.address.plus_pages(page));
    return entry.is_object() && entry.frame() == object.frame(page);
}

bool shows_anything(MemoryObject& object, const Mapping& mapping) {
    for (std::uint64_t i = 0; i < object.page_count; i++) {
        if (shows_page(object, mapping, i)) return true;
    }
    return false;
}

VirtAddr last_page(const Mapping& mapping) {
    return mapping.address.plus_pages(mapping.object->page_count - 1);
}

void forget(Mapping& mapping) {
    mapping.enclave->mappings.remove(&mapping);
    mapping.enclave = nullptr;
}

void unmap(Kernel& kernel, MemoryObject& object, Mapping& mapping) {
    Space& space = *mapping.space;
    const PageRange range{mapping.address, PageCount{object.page_count}};
    for (std::uint64_t i = 0; i < object.page_count; i++) {
        if (shows_page(object, mapping, i)) space.tables.replace(range.begin.plus_pages(i), Entry{});
    }
    flush(space, range);
    wake_sleepers(kernel, object, *mapping.enclave);
    forget(mapping);
}

}  // namespace

PhysAddr& MemoryObject::frame(std::uint64_t page) {
    return direct<PhysAddr>(lists[page / kPerList])[page % kPerList];
}

bool MemoryObject::allows(const Enclave& enclave, bool writable) const {
    if (&enclave == maker) return true;
    for (const Grant& g : grants) {
        if (!g.used || (writable && !g.writable)) continue;
        if (g.instance != 0) {
            if (g.instance == enclave.handle) return true;
        } else if (g.group != 0) {
            if (g.group == enclave.group) return true;
        } else if (__builtin_memcmp(g.measurement, enclave.measurement, sizeof(g.measurement)) == 0) {
            return true;
        }
    }
    return false;
}

MemoryObject* create_object(Kernel& kernel, Enclave& maker, std::uint64_t pages) {
    const auto home = maker.memory.allocate();
    if (!home) return nullptr;
    auto* object = direct<MemoryObject>(*home);
    new (object) MemoryObject{};
    object->maker = &maker;
    const auto handle = allocate_frames(*object, pages) ? kernel.objects.take(kernel.frames) : std::nullopt;
    if (!handle) {
        release_frames(*object);
        return nullptr;
    }
    object->handle = *handle;
    kernel.objects.set(*handle, object);
    maker.objects.push_back(object);
    return object;
}

bool grant(MemoryObject& object, const Grant& wanted) {
    for (Grant& g : object.grants) {
        if (g.used) continue;
        g = wanted;
        g.used = true;
        return true;
    }
    return false;
}

MapOutcome map_object(Space& space, MemoryObject& object, PageRange range, Permissions permissions) {
    Enclave& enclave = *space.enclave;
    Mapping* place = nullptr;
    for (Mapping& m : object.mappings) {
        if (m.enclave == &enclave && !shows_anything(object, m)) forget(m);
        if (m.enclave == nullptr) place = &m;
    }
    if (place == nullptr) return MapOutcome::kNoMemory;
    for (std::uint64_t i = 0; i < range.count.value; i++) {
        const Entry there = space.tables.lookup(range.begin.plus_pages(i));
        if (!there.empty() && !there.is_reserved()) return MapOutcome::kOccupied;
    }
    for (std::uint64_t i = 0; i < range.count.value; i++) {
        if (space.tables.replace(range.begin.plus_pages(i), Entry::object_data(object.frame(i), permissions)))
            continue;
        // The tables that the first ones needed stay; they are the enclave's own.
        for (std::uint64_t j = 0; j < i; j++) space.tables.replace(range.begin.plus_pages(j), Entry{});
        flush(space, range);
        return MapOutcome::kNoMemory;
    }
    if (space.tables.has_split()) flush(space, range);
    *place = {&object, &enclave, &space, range.begin, {}};
    enclave.mappings.push_back(place);
    return MapOutcome::kMapped;
}

void forget_mappings(Space& space, PageRange range) {
    Mapping* next;
    for (Mapping* m = space.enclave->mappings.first(); m != nullptr; m = next) {
        next = MappingList::next(m);
        if (m->space != &space && !(is_common(m->address) && is_common(last_page(*m)))) continue;
        if (m->address >= range.begin && last_page(*m) < range.end()) forget(*m);
    }
}

void leave_mappings(Space& space) {
    Space* other = space.enclave->spaces.first();
    Mapping* next;
    for (Mapping* m = space.enclave->mappings.first(); m != nullptr; m = next) {
        next = MappingList::next(m);
        if (m->space != &space) continue;
        if (other != nullptr && m->address.value < abi::kCommonEnd &&
            last_page(*m).value >= abi::kCommonBegin) {
            m->space = other;
        } else {
            forget(*m);
        }
    }
}

void revoke(Kernel& kernel, MemoryObject& object, std::uint64_t instance) {
    for (Grant& g : object.grants) {
        if (instance == 0 || g.instance == instance) g = {};
    }
    for (Mapping& m : object.mappings) {
        if (m.enclave == nullptr || m.enclave == object.maker) continue;
        if (instance == 0 || m.enclave->handle == instance) unmap(kernel, object, m);
    }
}

void close_object(Kernel& kernel, MemoryObject& object) {
    revoke(kernel, object, 0);
    for (Mapping& m : object.mappings) {
        if (m.enclave != nullptr) unmap(kernel, object, m);
    }
    kernel.objects.give_back(object.handle);
    object.maker->objects.remove(&object);
    release_frames(object);
}

}  // namespace enclavisor::kernel
