// Builds small ELF files for tests.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstring>
#include <vector>

namespace enclavisor::host {

struct TestElf {
    Elf64_Ehdr header{};
    std::vector<Elf64_Phdr> segments;
    std::vector<std::byte> contents;  // from file offset 0x1000 on

    TestElf() {
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_type = ET_EXEC;
        header.e_machine = EM_X86_64;
        header.e_entry = 0x401000;
        header.e_phoff = sizeof(Elf64_Ehdr);
        header.e_ehsize = sizeof(Elf64_Ehdr);
        header.e_phentsize = sizeof(Elf64_Phdr);
        contents.assign(0x2000, std::byte{0xc3});
        add(PF_R, 0, 0x400000, 0x1000, 0x1000);
        add(PF_R | PF_X, 0x1000, 0x401000, 0x1000, 0x1000);
        add(PF_R | PF_W, 0x2000, 0x402000, 0x10, 0x3000);
    }

    void add(unsigned flags, std::uint64_t offset, std::uint64_t address, std::uint64_t file_size,
             std::uint64_t memory_size, unsigned type = PT_LOAD) {
        Elf64_Phdr segment{};
        segment.p_type = type;
        segment.p_flags = flags;
        segment.p_offset = offset;
        segment.p_vaddr = address;
        segment.p_filesz = file_size;
        segment.p_memsz = memory_size;
        segment.p_align = 0x1000;
        segments.push_back(segment);
    }

    std::vector<std::byte> bytes() const {
        std::vector<std::byte> file(0x1000 + contents.size());
        Elf64_Ehdr head = header;
        head.e_phnum = static_cast<Elf64_Half>(segments.size());
        std::memcpy(file.data(), &head, sizeof(head));
        std::memcpy(file.data() + sizeof(head), segments.data(), segments.size() * sizeof(Elf64_Phdr));
        std::memcpy(file.data() + 0x1000, contents.data(), contents.size());
        return file;
    }
};

}  // namespace enclavisor::host
