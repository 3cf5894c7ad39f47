#include "runtime/processes/elf_image.hpp"

#include <errno.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "abi/platform/layout.hpp"
#include "runtime/support/program_memory.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kPageMask = abi::kPageSize - 1;
constexpr std::size_t kMostHeaders = 64;
constexpr std::uint64_t kMostPath = 4096;

std::uint64_t page_down(std::uint64_t address) {
    return address & ~kPageMask;
}
std::uint64_t page_up(std::uint64_t address) {
    return (address + kPageMask) & ~kPageMask;
}

int protection_of(const Elf64_Phdr& segment) {
    return (segment.p_flags & PF_R ? PROT_READ : 0) | (segment.p_flags & PF_W ? PROT_WRITE : 0) |
           (segment.p_flags & PF_X ? PROT_EXEC : 0);
}

// A segment that can be mapped at all: no sum of its numbers overflows.
bool is_sound(const Elf64_Phdr& segment) {
    return segment.p_memsz >= segment.p_filesz && segment.p_vaddr < abi::kEnclaveEnd &&
           segment.p_memsz < abi::kEnclaveEnd - segment.p_vaddr && segment.p_offset < 1ull << 62 &&
           segment.p_filesz < 1ull << 62 && (segment.p_vaddr & kPageMask) == (segment.p_offset & kPageMask);
}

std::int64_t map_segment(Memory& memory, OpenFile& file, const Elf64_Phdr& segment, std::uint64_t base) {
    const int protection = protection_of(segment);
    const std::uint64_t begin = page_down(base + segment.p_vaddr);
    const std::uint64_t file_end = base + segment.p_vaddr + segment.p_filesz;
    const std::uint64_t end = page_up(base + segment.p_vaddr + segment.p_memsz);
    std::uint64_t next = begin;
    if (segment.p_filesz > 0) {
        next = page_up(file_end);
        const std::int64_t mapped = memory.map(begin, next - begin, protection, MAP_PRIVATE | MAP_FIXED,
                                               &file, page_down(segment.p_offset));
        if (mapped < 0) return mapped;
        // Behind the file's part of the last page there are zeros, not what the file goes on with.
        if ((protection & PROT_WRITE) && file_end < next) {
            static constexpr std::byte kZeros[abi::kPageSize]{};
            if (!copy_out(file_end, kZeros, next - file_end)) return -EFAULT;
        }
    }
    if (next >= end) return 0;
    const std::int64_t mapped =
        memory.map(next, end - next, protection, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, nullptr, 0);
    return mapped < 0 ? mapped : 0;
}

}  // namespace

std::int64_t read_whole(OpenFile& file, std::uint64_t offset, void* to, std::uint64_t size) {
    for (std::uint64_t done = 0; done < size;) {
        const std::int64_t count =
            file.read({reinterpret_cast<Address>(to) + done, size - done}, offset + done);
        if (count < 0) return count;
        if (count == 0) return -ENOEXEC;
        done += static_cast<std::uint64_t>(count);
    }
    return 0;
}

std::int64_t ElfImage::read(OpenFile& file) {
    if (const std::int64_t error = read_whole(file, 0, &header_, sizeof(header_)); error != 0) return error;
    const bool elf = std::memcmp(header_.e_ident, ELFMAG, SELFMAG) == 0 &&
                     header_.e_ident[EI_CLASS] == ELFCLASS64 && header_.e_ident[EI_DATA] == ELFDATA2LSB &&
                     header_.e_machine == EM_X86_64;
    if (!elf || (header_.e_type != ET_EXEC && header_.e_type != ET_DYN) ||
        header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0 || header_.e_phnum > kMostHeaders ||
        header_.e_phoff >= 1ull << 62) {
        return -ENOEXEC;
    }
    headers_.resize(header_.e_phnum);
    if (const std::int64_t error =
            read_whole(file, header_.e_phoff, headers_.data(), headers_.size() * sizeof(Elf64_Phdr));
        error != 0) {
        return error;
    }
    begin_ = ~0ull;
    for (const Elf64_Phdr& segment : headers_) {
        if (segment.p_type == PT_INTERP) {
            if (segment.p_filesz < 2 || segment.p_filesz > kMostPath || segment.p_offset >= 1ull << 62)
                return -ENOEXEC;
            interpreter_.resize(segment.p_filesz);
            if (const std::int64_t error =
                    read_whole(file, segment.p_offset, interpreter_.data(), interpreter_.size());
                error != 0) {
                return error;
            }
            if (interpreter_.back() != '\0') return -ENOEXEC;
            interpreter_.resize(std::strlen(interpreter_.c_str()));
        }
        if (segment.p_type != PT_LOAD || segment.p_memsz == 0) continue;
        if (!is_sound(segment)) return -ENOEXEC;
        begin_ = std::min(begin_, page_down(segment.p_vaddr));
        end_ = std::max(end_, page_up(segment.p_vaddr + segment.p_memsz));
    }
    // One that begins elsewhere could begin in the runtime.
    return header_.e_entry >= begin_ && header_.e_entry < end_ ? 0 : -ENOEXEC;
}

std::int64_t ElfImage::map(Memory& memory, OpenFile& file, std::uint64_t base) const {
    for (const Elf64_Phdr& segment : headers_) {
        if (segment.p_type != PT_LOAD || segment.p_memsz == 0) continue;
        if (base > abi::kEnclaveEnd - page_up(segment.p_vaddr + segment.p_memsz)) return -ENOMEM;
        if (const std::int64_t error = map_segment(memory, file, segment, base); error != 0) return error;
    }
    return 0;
}

std::uint64_t ElfImage::headers_address() const {
    const std::uint64_t size = headers_.size() * sizeof(Elf64_Phdr);
    for (const Elf64_Phdr& segment : headers_) {
        if (segment.p_type != PT_LOAD || header_.e_phoff < segment.p_offset) continue;
        const std::uint64_t within = header_.e_phoff - segment.p_offset;
        if (within <= segment.p_filesz && size <= segment.p_filesz - within) return segment.p_vaddr + within;
    }
    return 0;
}

}  // namespace enclavisor::runtime
