#include "host/lib/elf.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <cstring>

#include "abi/host/control.hpp"
#include "base/checked.hpp"
#include "host/lib/elf_read.hpp"

namespace enclavisor::host {
namespace {

constexpr std::uint64_t kMaxHeaders = 512;

base::Failure<Error> refuse(std::string_view name, std::string cause, std::string cure) {
    return fail(fmt::format("{}: {}", name, cause), std::move(cure), kExitNotExecutable);
}

base::Failure<Error> truncated(std::string_view name) {
    return refuse(name, "the file is truncated", "copy or build it again");
}

// The path that a PT_INTERP names: one string with a zero at its end.
Result<std::string> read_interpreter(const Elf64_Phdr& header, std::span<const std::byte> file,
                                     std::string_view name) {
    if (!base::range_within(header.p_offset, header.p_filesz, 0, file.size())) return truncated(name);
    const std::string_view text{reinterpret_cast<const char*>(file.data()) + header.p_offset,
                                header.p_filesz};
    if (text.size() < 2 || text[0] != '/' || text.find('\0') != text.size() - 1) {
        return refuse(name, "names no usable interpreter", "build it again");
    }
    return std::string{text.substr(0, text.size() - 1)};
}

std::string machine_name(unsigned machine) {
    switch (machine) {
        case EM_386:
            return "32-bit x86";
        case EM_ARM:
            return "32-bit ARM";
        case EM_AARCH64:
            return "AArch64";
        case EM_RISCV:
            return "RISC-V";
        case EM_PPC64:
            return "POWER";
        case EM_S390:
            return "s390";
        default:
            return fmt::format("machine number {}", machine);
    }
}

Result<Elf64_Ehdr> check_header(std::span<const std::byte> file, std::string_view name) {
    if (file.size() >= 2 && std::memcmp(file.data(), "#!", 2) == 0) {
        return refuse(name, "is a script, not an ELF program", "run its interpreter");
    }
    if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) {
        return refuse(name, "is not an ELF program", "give an x86-64 Linux program");
    }
    if (file.size() < EI_NIDENT) return truncated(name);
    const auto ident = [&](int i) { return static_cast<unsigned>(file[i]); };
    if (ident(EI_CLASS) == ELFCLASS32) {
        return refuse(name, "is a 32-bit program", "build it for 64-bit x86-64");
    }
    if (ident(EI_CLASS) != ELFCLASS64) return refuse(name, "has an unknown ELF class", "build it for x86-64");
    const auto header = read_at<Elf64_Ehdr>(file, 0);
    if (!header) return truncated(name);
    if (ident(EI_DATA) != ELFDATA2LSB || header->e_machine != EM_X86_64) {
        const bool big = ident(EI_DATA) == ELFDATA2MSB;
        const auto machine =
            big ? static_cast<unsigned>(__builtin_bswap16(header->e_machine)) : header->e_machine;
        return refuse(name, fmt::format("is built for another machine ({})", machine_name(machine)),
                      "build it for x86-64");
    }
    if (ident(EI_OSABI) != ELFOSABI_SYSV && ident(EI_OSABI) != ELFOSABI_GNU) {
        return refuse(name, "is built for another operating system", "build it for Linux");
    }
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN) {
        return refuse(name,
                      header->e_type == ET_REL ? "is an object file, not a linked program"
                                               : "is an ELF file, but not a program",
                      "give an x86-64 Linux program");
    }
    return *header;
}

std::uint64_t permissions_of(const Elf64_Phdr& header) {
    // x86-64 has no execute-only and no write-only pages.
    std::uint64_t permissions = header.p_flags != 0 ? abi::kRead : 0;
    if (header.p_flags & PF_W) permissions |= abi::kWrite;
    if (header.p_flags & PF_X) permissions |= abi::kExecute;
    return permissions;
}

// Appends the segment that `header` describes.
Result<void> add_segment(ElfFile& elf, const Elf64_Phdr& header, std::span<const std::byte> file,
                         std::string_view name) {
    if (header.p_memsz == 0) return {};
    if (!base::range_within(header.p_offset, header.p_filesz, 0, file.size())) return truncated(name);
    if (header.p_filesz > header.p_memsz || !base::checked_add(header.p_vaddr, header.p_memsz)) {
        return refuse(name, "has a segment of impossible size", "build it again");
    }
    const std::uint64_t permissions = permissions_of(header);
    if ((permissions & abi::kWrite) && (permissions & abi::kExecute)) {
        return refuse(name, "has a segment that is writable and executable", "link it without -z rwx or -N");
    }
    if (!elf.segments.empty() && header.p_vaddr < elf.end()) {
        return refuse(name, "has overlapping or unordered segments", "build it again");
    }
    elf.segments.push_back(
        {header.p_vaddr, header.p_memsz, permissions, file.subspan(header.p_offset, header.p_filesz)});
    return {};
}

}  // namespace

Result<ElfFile> parse_elf(std::span<const std::byte> file, std::string_view name) {
    const Elf64_Ehdr header = TRY(check_header(file, name));
    if (header.e_phnum == 0 || header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMaxHeaders) {
        return refuse(name, "has no usable program headers", "build it again");
    }
    ElfFile elf;
    elf.position_independent = header.e_type == ET_DYN;
    elf.entry = header.e_entry;
    elf.header_count = header.e_phnum;
    const std::uint64_t table_size = header.e_phnum * sizeof(Elf64_Phdr);
    for (std::uint64_t i = 0; i < header.e_phnum; i++) {
        const auto program_header = read_entry<Elf64_Phdr>(file, header.e_phoff, i);
        if (!program_header) return truncated(name);
        if (program_header->p_type == PT_INTERP) {
            elf.interpreter = TRY(read_interpreter(*program_header, file, name));
        }
        if (program_header->p_type != PT_LOAD) continue;
        TRY(add_segment(elf, *program_header, file, name));
        if (base::range_within(header.e_phoff, table_size, program_header->p_offset,
                               program_header->p_offset + program_header->p_filesz)) {
            elf.program_headers = program_header->p_vaddr + (header.e_phoff - program_header->p_offset);
        }
    }
    if (elf.segments.empty()) return refuse(name, "has nothing to load", "build it again");
    if (elf.position_independent && elf.entry == 0) {
        return refuse(name, "is a shared library, not a program", "give a program");
    }
    const auto holds_entry = [&](const ElfSegment& segment) {
        return (segment.permissions & abi::kExecute) != 0 && elf.entry >= segment.address &&
               elf.entry - segment.address < segment.memory_size;
    };
    for (const ElfSegment& segment : elf.segments) {
        if (holds_entry(segment)) return elf;
    }
    return refuse(name, "starts outside its own code", "build it again");
}

std::optional<std::uint64_t> find_elf_symbol(std::span<const std::byte> file, std::string_view symbol) {
    const auto header = read_at<Elf64_Ehdr>(file, 0);
    if (!header || header->e_shentsize != sizeof(Elf64_Shdr)) return std::nullopt;
    for (std::uint64_t i = 0; i < header->e_shnum; i++) {
        const auto table = read_entry<Elf64_Shdr>(file, header->e_shoff, i);
        if (!table) return std::nullopt;
        if (table->sh_type != SHT_SYMTAB) continue;
        const auto strings = read_entry<Elf64_Shdr>(file, header->e_shoff, table->sh_link);
        if (!strings || !base::range_within(strings->sh_offset, strings->sh_size, 0, file.size()) ||
            !base::range_within(table->sh_offset, table->sh_size, 0, file.size())) {
            return std::nullopt;
        }
        const std::string_view names{reinterpret_cast<const char*>(file.data()) + strings->sh_offset,
                                     strings->sh_size};
        for (std::uint64_t n = 0; n < table->sh_size / sizeof(Elf64_Sym); n++) {
            const auto entry = read_entry<Elf64_Sym>(file, table->sh_offset, n);
            if (!entry || entry->st_shndx == SHN_UNDEF || entry->st_name >= names.size()) continue;
            const std::string_view rest = names.substr(entry->st_name);
            if (rest.substr(0, rest.find('\0')) == symbol) return entry->st_value;
        }
    }
    return std::nullopt;
}

}  // namespace enclavisor::host
