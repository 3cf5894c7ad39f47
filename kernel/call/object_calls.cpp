#include "kernel/call/answer.hpp"
#include "kernel/enclave/object.hpp"
#include "kernel/enclave/threads.hpp"

namespace enclavisor::kernel {
namespace {

using abi::CallError;

MemoryObject* own_object(Kernel& kernel, const Enclave& enclave, std::uint64_t handle) {
    MemoryObject* object = kernel.objects.find(handle);
    return object != nullptr && object->maker == &enclave ? object : nullptr;
}

// Read-only, or readable and writable.
std::optional<Permissions> data_permissions(std::uint64_t bits) {
    const auto permissions = Permissions::parse(bits);
    if (!permissions || !permissions->any() || permissions->executable()) return std::nullopt;
    return permissions;
}

abi::Identity identity(const Enclave& enclave) {
    abi::Identity result{};
    __builtin_memcpy(result.measurement, enclave.measurement, sizeof(result.measurement));
    result.instance = enclave.handle;
    result.origin = enclave.origin != nullptr ? enclave.origin->handle : 0;
    result.generation = enclave.generation;
    result.number = enclave.number;
    result.group = enclave.group;
    __builtin_memcpy(result.group_measurement, enclave.group_measurement, sizeof(result.group_measurement));
    return result;
}

// Who stands on the other side: the maker, or for the maker the first who mapped it.
const Enclave* peer(const MemoryObject& object, const Enclave& caller) {
    if (object.maker != &caller) return object.maker;
    for (const Mapping& m : object.mappings) {
        if (m.enclave != nullptr && m.enclave != object.maker) return m.enclave;
    }
    return nullptr;
}

}  // namespace

Answer call_create_object(Kernel& kernel, Enclave& enclave, const abi::Registers& r) {
    if (r.rdi == 0 || r.rdi > MemoryObject::kMaxPages) return std::nullopt;
    const MemoryObject* object = create_object(kernel, enclave, r.rdi);
    if (object == nullptr) return error(CallError::kNoMemory);
    return static_cast<std::int64_t>(object->handle);
}

Answer call_grant_object(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    const auto permissions = data_permissions(r.rsi);
    if (!permissions || !own_block(thread)) return std::nullopt;
    MemoryObject* object = own_object(kernel, *thread->enclave, r.rdi);
    if (object == nullptr) return error(CallError::kNotFound);
    const bool to_group = r.rdx == abi::kToGroup;
    if (to_group && thread->enclave->group == 0) return error(CallError::kNotFound);
    Grant wanted{.writable = permissions->writable(),
                 .instance = to_group ? 0 : r.rdx,
                 .group = to_group ? thread->enclave->group : 0};
    if (r.rdx == 0) __builtin_memcpy(wanted.measurement, thread->block->exchange, sizeof(wanted.measurement));
    if (!grant(*object, wanted)) return error(CallError::kNoMemory);
    return 0;
}

Answer call_map_object(Kernel& kernel, Space& space, const abi::Registers& r) {
    const auto permissions = data_permissions(r.rdx);
    if (!permissions) return std::nullopt;
    MemoryObject* object = kernel.objects.find(r.rdi);
    if (object == nullptr || !object->allows(*space.enclave, permissions->writable()))
        return error(CallError::kNotFound);
    const auto range = PageRange::parse(r.rsi, object->page_count);
    if (!range) return std::nullopt;
    switch (map_object(space, *object, *range, *permissions)) {
        case MapOutcome::kMapped:
            return static_cast<std::int64_t>(object->page_count);
        case MapOutcome::kOccupied:
            return error(CallError::kBusy);
        default:
            return error(CallError::kNoMemory);
    }
}

Answer call_revoke_object(Kernel& kernel, Enclave& enclave, const abi::Registers& r) {
    MemoryObject* object = own_object(kernel, enclave, r.rdi);
    if (object == nullptr) return error(CallError::kNotFound);
    revoke(kernel, *object, r.rsi);
    return 0;
}

Answer call_close_object(Kernel& kernel, Enclave& enclave, const abi::Registers& r) {
    MemoryObject* object = own_object(kernel, enclave, r.rdi);
    if (object == nullptr) return error(CallError::kNotFound);
    close_object(kernel, *object);
    return 0;
}

Answer call_identify(Kernel& kernel, Thread* thread, const abi::Registers& r) {
    const Enclave* who_is_asked = thread->enclave;
    if (r.rdi != 0) {
        const MemoryObject* object = kernel.objects.find(r.rdi);
        if (object == nullptr || !object->allows(*thread->enclave, false)) return error(CallError::kNotFound);
        who_is_asked = peer(*object, *thread->enclave);
    }
    if (who_is_asked == nullptr) return error(CallError::kNotFound);
    if (!own_block(thread)) return std::nullopt;
    const abi::Identity who = identity(*who_is_asked);
    __builtin_memcpy(thread->block->exchange, &who, sizeof(who));
    return 0;
}

}  // namespace enclavisor::kernel
