// The heap: blocks of powers of two, each behind a header that says which. Fresh
// memory begins right after the program's data, in the same page table.
#include "sdk/lib/heap.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "abi/platform/layout.hpp"
#include "base/checked.hpp"
#include "sdk/include/enclavisor/function.hpp"
#include "sdk/include/enclavisor/kernel_call.hpp"
#include "sdk/include/enclavisor/memory.hpp"

extern "C" char enclavisor_heap[];

namespace enclavisor::sdk {
namespace {

constexpr std::uint64_t kHeapSize = 1ull << 40;  // of addresses
constexpr std::uint64_t kPagesBegin = 0x100'0000'0000;
constexpr std::uint64_t kPagesEnd = 0x7000'0000'0000;
constexpr int kSmallest = 5;  // 32 bytes, header included
constexpr int kClasses = 40;
constexpr std::uint64_t kGrowth = 64 << 10;
constexpr std::uint64_t kDiscardFrom = 64 << 10;

struct Block {
    std::uint64_t index;
    Block* next;  // of a free block
};
static_assert(sizeof(Block) == 16);  // so that what follows is aligned for any type

struct Heap {
    Block* free_blocks[kClasses];
    std::uint64_t fresh, mapped;
    std::uint64_t next_pages;
};
[[gnu::section(".enclavisor_state")]] constinit Heap heap{};

Block* fresh_block(int index) {
    const std::uint64_t size = 1ull << index;
    const auto begin = reinterpret_cast<std::uint64_t>(enclavisor_heap);
    if (heap.fresh == 0) heap.fresh = heap.mapped = begin;
    if (size > begin + kHeapSize - heap.fresh) panic("the heap is full");
    const std::uint64_t end = heap.fresh + size;
    if (end > heap.mapped) {
        const std::uint64_t more = base::round_up(end - heap.mapped, kGrowth);
        if (!range_call(abi::Call::kMap, heap.mapped, more >> abi::kPageShift, abi::kRead | abi::kWrite)) {
            panic("no memory is left for the heap");
        }
        heap.mapped += more;
    }
    auto* block = reinterpret_cast<Block*>(heap.fresh);
    heap.fresh = end;
    return block;
}

void* allocate(std::size_t size) {
    if (size >= kHeapSize / 2) panic("the heap is full");
    const int bits = std::bit_width(size + sizeof(Block) - 1);
    const int index = bits < kSmallest ? kSmallest : bits;
    Block* block = heap.free_blocks[index];
    if (block != nullptr) {
        heap.free_blocks[index] = block->next;
    } else {
        block = fresh_block(index);
    }
    block->index = static_cast<std::uint64_t>(index);
    return block + 1;
}

void release(void* pointer) {
    if (pointer == nullptr) return;
    Block* block = static_cast<Block*>(pointer) - 1;
    const std::uint64_t size = 1ull << block->index;
    if (size >= kDiscardFrom) {
        const auto address = reinterpret_cast<std::uint64_t>(block);
        const std::uint64_t first = base::round_up(address + sizeof(Block), abi::kPageSize);
        const std::uint64_t last = (address + size) & ~(abi::kPageSize - 1);
        range_call(abi::Call::kDiscard, first, (last - first) >> abi::kPageShift);
    }
    block->next = heap.free_blocks[block->index];
    heap.free_blocks[block->index] = block;
}

}  // namespace

std::uint64_t take_addresses(std::size_t pages) {
    if (heap.next_pages == 0) heap.next_pages = kPagesBegin;
    if (pages >= (kPagesEnd - heap.next_pages) / abi::kPageSize) panic("no addresses are left");
    const std::uint64_t address = heap.next_pages;
    heap.next_pages += (pages + 1) * abi::kPageSize;
    return address;
}

std::span<std::byte> map_pages(std::size_t pages) {
    if (pages == 0) return {};
    const std::uint64_t address = take_addresses(pages);
    if (!range_call(abi::Call::kMap, address, pages, abi::kRead | abi::kWrite)) {
        range_call(abi::Call::kUnmap, address, pages);
        return {};
    }
    return {reinterpret_cast<std::byte*>(address), pages * abi::kPageSize};
}

void unmap_pages(std::span<std::byte> pages) {
    range_call(abi::Call::kUnmap, reinterpret_cast<std::uint64_t>(pages.data()),
               pages.size() >> abi::kPageShift);
}

}  // namespace enclavisor::sdk

void* operator new(std::size_t size) {
    return enclavisor::sdk::allocate(size);
}
void* operator new[](std::size_t size) {
    return enclavisor::sdk::allocate(size);
}
void operator delete(void* pointer) noexcept {
    enclavisor::sdk::release(pointer);
}
void operator delete[](void* pointer) noexcept {
    enclavisor::sdk::release(pointer);
}
void operator delete(void* pointer, std::size_t) noexcept {
    enclavisor::sdk::release(pointer);
}
void operator delete[](void* pointer, std::size_t) noexcept {
    enclavisor::sdk::release(pointer);
}
