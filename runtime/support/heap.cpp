#include "runtime/support/heap.hpp"

#include <bit>
#include <cstddef>
#include <new>

#include "runtime/support/kernel_call.hpp"

namespace enclavisor::runtime {
namespace {

constexpr int kSmallest = 4;  // 16 bytes
constexpr int kClasses = 37;  // up to 64 GiB
constexpr std::uint64_t kDiscardFrom = 256 << 10;

struct FreeBlock {
    FreeBlock* next;
};
FreeBlock* free_blocks[kClasses];
std::uint64_t next_fresh = kHeapBase;

int class_of(std::size_t size) {
    const int bits = std::bit_width(size - 1);
    return bits < kSmallest ? kSmallest : bits;
}

void* allocate(std::size_t size) {
    const int index = class_of(size == 0 ? 1 : size);
    const bool fits = index < kClasses;
    if (fits && free_blocks[index] != nullptr) {
        FreeBlock* block = free_blocks[index];
        free_blocks[index] = block->next;
        return block;
    }
    const std::uint64_t bytes = fits ? 1ull << index : 0;
    // Aligned to their size up to a page, so that large blocks are whole pages.
    const std::uint64_t alignment = bytes < abi::kPageSize ? bytes : abi::kPageSize;
    const std::uint64_t address = fits ? (next_fresh + alignment - 1) & ~(alignment - 1) : 0;
    if (!fits || bytes > kHeapBase + kHeapSize - address) {
        end_enclave(abi::EndReason::kFault, 14, 0, kHeapBase + kHeapSize);
    }
    next_fresh = address + bytes;
    return reinterpret_cast<void*>(address);
}

void release(void* pointer, std::size_t size) {
    if (pointer == nullptr) return;
    const int index = class_of(size == 0 ? 1 : size);
    const std::uint64_t bytes = 1ull << index;
    const auto address = reinterpret_cast<std::uint64_t>(pointer);
    if (bytes >= kDiscardFrom) {
        range_call(abi::Call::kDiscard, address + abi::kPageSize, bytes - abi::kPageSize);
    }
    free_blocks[index] = new (pointer) FreeBlock{free_blocks[index]};
}

}  // namespace

void start_heap() {
    if (!range_call(abi::Call::kMap, kHeapBase, kHeapSize, abi::kRead | abi::kWrite)) {
        end_enclave(abi::EndReason::kFault, 14, 0, kHeapBase);
    }
}

}  // namespace enclavisor::runtime

// All sized: the runtime's types are complete where they are deleted.
void* operator new(std::size_t size) {
    return enclavisor::runtime::allocate(size);
}
void* operator new[](std::size_t size) {
    return enclavisor::runtime::allocate(size);
}
void operator delete(void* pointer, std::size_t size) noexcept {
    enclavisor::runtime::release(pointer, size);
}
void operator delete[](void* pointer, std::size_t size) noexcept {
    enclavisor::runtime::release(pointer, size);
}
void operator delete(void*) noexcept {
    __builtin_trap();
}
void operator delete[](void*) noexcept {
    __builtin_trap();
}
