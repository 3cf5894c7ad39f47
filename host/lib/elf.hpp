// Parser of ELF64 programs for x86-64 (System V ABI, ELF-64 object file format). Input is any sequence of
// bytes; every offset is checked against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/lib/error.hpp"

namespace enclavisor::host {

struct ElfSegment {  // PT_LOAD
    std::uint64_t address;
    std::uint64_t memory_size;
    std::uint64_t permissions;            // abi::kRead | kWrite | kExecute
    std::span<const std::byte> contents;  // at most memory_size bytes, of the input
};

struct ElfFile {
    bool position_independent = false;  // addresses are relative to a base
    std::string interpreter;            // of a dynamic program: its PT_INTERP
    std::uint64_t entry = 0;
    std::vector<ElfSegment> segments;   // not empty, ascending, disjoint
    std::uint64_t program_headers = 0;  // address in memory; 0: not mapped
    std::uint64_t header_count = 0;

    std::uint64_t begin() const { return segments.front().address; }
    std::uint64_t end() const { return segments.back().address + segments.back().memory_size; }
};

// `name` stands in error messages. The result refers to `file`.
Result<ElfFile> parse_elf(std::span<const std::byte> file, std::string_view name);

// Value of a defined symbol from .symtab.
std::optional<std::uint64_t> find_elf_symbol(std::span<const std::byte> file, std::string_view symbol);

}  // namespace enclavisor::host
