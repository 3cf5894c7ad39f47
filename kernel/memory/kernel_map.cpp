#include "kernel/memory/kernel_map.hpp"

#include "abi/platform/sim_request.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/cpus.hpp"
#include "kernel/memory/entry.hpp"
#include "kernel/panic.hpp"

extern "C" {
extern char kernel_begin[], text_end[], rodata_end[], kernel_end[], boot_stack_guard[];
extern char boot_ghcb[];  // platform/exits.cpp
}

namespace enclavisor::kernel {
namespace {

constexpr std::uint64_t kGigabyte = 1ull << 30;
constexpr std::uint64_t kLargePage = 1ull << 21;
constexpr std::uint64_t kImageVirt = 0xffff'ffff'8020'0000;

PhysAddr kernel_root;

constexpr std::uint64_t slot(std::uint64_t address, int level) {
    return address >> (12 + 9 * (level - 1)) & 511;
}

PhysAddr new_table(FrameAllocator& frames) {
    const auto frame = frames.allocate();
    check(frame.has_value(), "the VM has too little memory for the kernel; give it at least 32 MiB");
    arch::clear_page(direct<void>(*frame));
    return *frame;
}

// The table below the entry of `address` at `level`, made on first use.
Entry* below(FrameAllocator& frames, Entry* table, std::uint64_t address, int level) {
    Entry& entry = table[slot(address, level)];
    if (entry.empty()) entry = Entry::kernel_table(new_table(frames));
    return direct<Entry>(entry.frame());
}

// The last-level table of `address`.
Entry* pages_at(FrameAllocator& frames, Entry* root, std::uint64_t address) {
    Entry* table = root;
    for (int level = 4; level > 1; level--) table = below(frames, table, address, level);
    return table;
}

void map_direct(FrameAllocator& frames, Entry* root, std::uint64_t ram_top) {
    Entry* gigabytes = below(frames, root, kDirectBase, 4);
    // The first GiB in large pages, to leave out the image: nothing writable
    // leads to the kernel's text.
    Entry* first = below(frames, gigabytes, kDirectBase, 3);
    for (std::uint64_t at = 0; at < kGigabyte && at < ram_top; at += kLargePage) {
        if (at == kImagePhys) continue;
        first[at / kLargePage] = Entry::private_kernel(PhysAddr{at}, Permissions::read_write(), true);
    }
    for (std::uint64_t at = kGigabyte; at < ram_top; at += kGigabyte) {
        gigabytes[at / kGigabyte] = Entry::private_kernel(PhysAddr{at}, Permissions::read_write(), true);
    }
}

void map_image(FrameAllocator& frames, Entry* root) {
    Entry* pages = pages_at(frames, root, kImageVirt);
    const auto begin = reinterpret_cast<std::uint64_t>(kernel_begin);
    for (std::uint64_t at = begin; at < reinterpret_cast<std::uint64_t>(kernel_end); at += abi::kPageSize) {
        if (at == reinterpret_cast<std::uint64_t>(boot_stack_guard)) continue;  // an overflow faults
        if constexpr (CurrentPlatform::kHasExits) {
            if (at == reinterpret_cast<std::uint64_t>(boot_ghcb)) continue;  // the hypervisor's too
        }
        const Permissions p = at < reinterpret_cast<std::uint64_t>(text_end)     ? Permissions::read_execute()
                              : at < reinterpret_cast<std::uint64_t>(rodata_end) ? Permissions::read()
                                                                                 : Permissions::read_write();
        pages[slot(at, 1)] = Entry::private_kernel(PhysAddr{at - begin + kImagePhys}, p);
    }
}

void map_link(FrameAllocator& frames, Entry* root, std::uint64_t size) {
    Entry* large = below(frames, below(frames, root, kLinkVirt, 4), kLinkVirt, 3);
    for (std::uint64_t at = 0; at < size; at += kLargePage) {
        large[at / kLargePage] = Entry::shared_kernel(PhysAddr{abi::kLinkPhys + at}, true);
    }
}

void map_devices(FrameAllocator& frames, Entry* root) {
    Entry* pages = pages_at(frames, root, kDeviceVirt);
    for (const DevicePage& page : kDevicePages)
        pages[slot(page.address, 1)] = Entry::device(PhysAddr{page.physical});
}

// The boot vCPU's page, which is part of the image, and a simulation's.
void map_shared_pages(FrameAllocator& frames) {
    if constexpr (CurrentPlatform::kHasExits) {
        const auto offset = static_cast<std::uint64_t>(boot_ghcb - kernel_begin);
        map_shared_page(frames, kSharedPagesVirt, PhysAddr{kImagePhys + offset});
        if constexpr (!CurrentPlatform::kSimulated) return;
        for (std::uint64_t i = 0; i < kMaxCpus * abi::kPageSize; i += abi::kPageSize)
            map_shared_page(frames, kSimulationPagesVirt + i, PhysAddr{abi::kSimRequestPhys + i});
    }
}

}  // namespace

void create_kernel_map(FrameAllocator& frames, std::uint64_t ram_top, std::uint64_t link_size) {
    kernel_root = new_table(frames);
    Entry* root = direct<Entry>(kernel_root);
    map_direct(frames, root, ram_top);
    map_image(frames, root);
    map_link(frames, root, link_size);
    map_devices(frames, root);
    map_shared_pages(frames);
    arch::write_cr3(kernel_cr3());
}

void map_kernel_page(FrameAllocator& frames, std::uint64_t address) {
    Entry* pages = pages_at(frames, direct<Entry>(kernel_root), address);
    pages[slot(address, 1)] = Entry::private_kernel(new_table(frames), Permissions::read_write());
}

void map_shared_page(FrameAllocator& frames, std::uint64_t address, PhysAddr frame) {
    Entry* pages = pages_at(frames, direct<Entry>(kernel_root), address);
    pages[slot(address, 1)] = Entry::shared_kernel(frame, false);
}

void share_kernel_map(PhysAddr root) {
    const Entry* from = direct<Entry>(kernel_root);
    Entry* to = direct<Entry>(root);
    for (const std::uint64_t base : {kDirectBase, kLinkVirt, kDeviceVirt, kCpuAreaVirt, kImageVirt}) {
        to[slot(base, 4)] = from[slot(base, 4)];
    }
}

std::uint64_t kernel_cr3() {
    return Entry::cr3(kernel_root);
}

}  // namespace enclavisor::kernel
