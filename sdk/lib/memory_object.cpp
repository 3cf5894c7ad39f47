#include "sdk/include/enclavisor/memory_object.hpp"

#include "sdk/include/enclavisor/function.hpp"
#include "sdk/include/enclavisor/kernel_call.hpp"
#include "sdk/include/enclavisor/memory.hpp"
#include "sdk/lib/heap.hpp"

namespace enclavisor::sdk {
namespace {

base::Failure<CallError> failure(std::int64_t result) {
    return {static_cast<CallError>(result)};
}

SharingResult<void> outcome(std::int64_t result) {
    if (result < 0) return failure(result);
    return {};
}

}  // namespace

SharingResult<MemoryObject> MemoryObject::create(std::size_t pages) {
    if (pages == 0 || pages > kMaxObjectPages) panic("a memory object has 1 to 1024 pages");
    const std::int64_t number = kernel_call(abi::Call::kCreateObject, pages);
    if (number < 0) return failure(number);
    return MemoryObject{static_cast<std::uint64_t>(number), true};
}

MemoryObject::~MemoryObject() {
    if (number_ == 0) return;
    unmap();
    if (made_here_) kernel_call(abi::Call::kCloseObject, number_);
}

SharingResult<void> MemoryObject::grant(std::uint64_t instance, Access access) {
    if (instance == 0) return failure(static_cast<std::int64_t>(CallError::kNotFound));
    return outcome(
        kernel_call(abi::Call::kGrantObject, number_, static_cast<std::uint64_t>(access), instance));
}

SharingResult<void> MemoryObject::grant(const Measurement& measurement, Access access) {
    __builtin_memcpy(thread_block().exchange, measurement.data(), measurement.size());
    return outcome(kernel_call(abi::Call::kGrantObject, number_, static_cast<std::uint64_t>(access), 0));
}

SharingResult<void> MemoryObject::revoke(std::uint64_t instance) {
    return outcome(kernel_call(abi::Call::kRevokeObject, number_, instance));
}

SharingResult<std::span<std::byte>> MemoryObject::map(Access access) {
    if (!bytes_.empty()) panic("a memory object is mapped twice");
    // How many pages it has, the kernel says afterwards.
    const std::uint64_t address = take_addresses(kMaxObjectPages);
    const std::int64_t pages =
        kernel_call(abi::Call::kMapObject, number_, address, static_cast<std::uint64_t>(access));
    if (pages < 0) return failure(pages);
    bytes_ = {reinterpret_cast<std::byte*>(address), static_cast<std::size_t>(pages) * abi::kPageSize};
    return bytes_;
}

void MemoryObject::unmap() {
    unmap_pages(std::exchange(bytes_, {}));
}

SharingResult<abi::Identity> MemoryObject::identify() const {
    // Written first: the page is this instance's own when the kernel puts its answer there.
    *const_cast<volatile std::uint64_t*>(&thread_block().exchange[0]) = 0;
    const std::int64_t result = kernel_call(abi::Call::kIdentify, number_);
    if (result < 0) return failure(result);
    abi::Identity who;
    __builtin_memcpy(&who, thread_block().exchange, sizeof(who));
    return who;
}

}  // namespace enclavisor::sdk
