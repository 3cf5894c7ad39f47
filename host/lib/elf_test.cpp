#include "host/lib/elf.hpp"

#include <gtest/gtest.h>

#include "abi/host/control.hpp"
#include "host/lib/test_elf.hpp"

namespace enclavisor::host {
namespace {

std::string refusal(std::span<const std::byte> file) {
    const auto result = parse_elf(file, "prog");
    if (result) return "accepted";
    EXPECT_EQ(result.error().exit_code, kExitNotExecutable);
    EXPECT_FALSE(result.error().cure.empty());
    return result.error().cause;
}

std::string refusal(const TestElf& elf) {
    return refusal(elf.bytes());
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

TEST(Elf, StaticProgram) {
    const auto file = TestElf{}.bytes();
    const auto result = parse_elf(file, "prog");
    ASSERT_TRUE(result) << result.error().text();
    const ElfFile& elf = result.value();
    EXPECT_FALSE(elf.position_independent);
    EXPECT_EQ(elf.entry, 0x401000u);
    ASSERT_EQ(elf.segments.size(), 3u);
    EXPECT_EQ(elf.segments[1].permissions, abi::kRead | abi::kExecute);
    EXPECT_EQ(elf.segments[2].contents.size(), 0x10u);
    EXPECT_EQ(elf.segments[2].memory_size, 0x3000u);
    EXPECT_EQ(elf.program_headers, 0x400000 + sizeof(Elf64_Ehdr));
    EXPECT_EQ(elf.header_count, 3u);
    EXPECT_EQ(elf.end(), 0x405000u);
}

TEST(Elf, StaticPie) {
    TestElf elf;
    elf.header.e_type = ET_DYN;
    const auto file = elf.bytes();
    const auto result = parse_elf(file, "prog");
    ASSERT_TRUE(result);
    EXPECT_TRUE(result.value().position_independent);
}

TEST(Elf, NotElf) {
    EXPECT_EQ(refusal(bytes_of("")), "prog: is not an ELF program");
    EXPECT_EQ(refusal(bytes_of("hello")), "prog: is not an ELF program");
    EXPECT_EQ(refusal(bytes_of("#!/bin/sh\n")), "prog: is a script, not an ELF program");
}

TEST(Elf, WrongKind) {
    TestElf elf;
    elf.header.e_ident[EI_CLASS] = ELFCLASS32;
    EXPECT_EQ(refusal(elf), "prog: is a 32-bit program");
    elf = {};
    elf.header.e_machine = EM_AARCH64;
    EXPECT_EQ(refusal(elf), "prog: is built for another machine (AArch64)");
    elf = {};
    elf.header.e_ident[EI_OSABI] = ELFOSABI_FREEBSD;
    EXPECT_EQ(refusal(elf), "prog: is built for another operating system");
    elf = {};
    elf.header.e_type = ET_REL;
    EXPECT_EQ(refusal(elf), "prog: is an object file, not a linked program");
    elf = {};
    elf.header.e_type = ET_DYN;
    elf.header.e_entry = 0;
    EXPECT_EQ(refusal(elf), "prog: is a shared library, not a program");
}

TEST(Elf, Dynamic) {
    TestElf elf;
    std::memcpy(elf.contents.data(), "/lib/ld.so", 11);
    elf.add(PF_R, 0x1000, 0x401000, 11, 11, PT_INTERP);
    const auto file = elf.bytes();
    const auto parsed = parse_elf(file, "prog");
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(parsed.value().interpreter, "/lib/ld.so");
    for (const std::size_t size : {0, 1, 10, 12}) {  // without its end, or with more than one
        elf.segments.back().p_filesz = size;
        EXPECT_EQ(refusal(elf), "prog: names no usable interpreter") << size;
    }
    elf.segments.back().p_filesz = 11;
    elf.contents[0] = std::byte{'x'};
    EXPECT_EQ(refusal(elf), "prog: names no usable interpreter");
    elf.segments.back().p_offset = ~0ull - 4;
    EXPECT_EQ(refusal(elf), "prog: the file is truncated");
}

TEST(Elf, EveryTruncationIsRefused) {
    const auto file = TestElf{}.bytes();
    for (std::size_t size = 4; size < 0x2010; size += size < 0x200 ? 1 : 251) {
        EXPECT_EQ(refusal(std::span{file}.first(size)), "prog: the file is truncated") << size;
    }
}

TEST(Elf, ImpossibleSegments) {
    TestElf elf;
    elf.segments[1].p_flags = PF_R | PF_W | PF_X;
    EXPECT_EQ(refusal(elf), "prog: has a segment that is writable and executable");
    elf = {};
    elf.segments[2].p_memsz = 8;
    EXPECT_EQ(refusal(elf), "prog: has a segment of impossible size");
    elf = {};
    elf.segments[2].p_memsz = ~0ull;
    EXPECT_EQ(refusal(elf), "prog: has a segment of impossible size");
    elf = {};
    elf.segments[2].p_offset = ~0ull - 4;
    EXPECT_EQ(refusal(elf), "prog: the file is truncated");
    elf = {};
    elf.segments[2].p_vaddr = 0x400800;
    EXPECT_EQ(refusal(elf), "prog: has overlapping or unordered segments");
    elf = {};
    elf.header.e_entry = 0x402000;
    EXPECT_EQ(refusal(elf), "prog: starts outside its own code");
    elf = {};
    elf.header.e_phoff = ~0ull - 8;
    EXPECT_EQ(refusal(elf), "prog: the file is truncated");
    elf = {};
    elf.header.e_phentsize = 1;
    EXPECT_EQ(refusal(elf), "prog: has no usable program headers");
}

TEST(Elf, SymbolsOfThisTest) {
    const auto file = TestElf{}.bytes();
    EXPECT_FALSE(find_elf_symbol(file, "main"));
    EXPECT_FALSE(find_elf_symbol({}, "main"));
}

}  // namespace
}  // namespace enclavisor::host
