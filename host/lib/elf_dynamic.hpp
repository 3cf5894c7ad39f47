// The dynamic section of an ELF64 file for x86-64: what it needs and where it looks.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace enclavisor::host {

struct ElfDynamic {
    std::vector<std::string> needed;
    std::string soname, rpath, runpath;
};

// Nothing if `file` is no such file or is broken.
std::optional<ElfDynamic> parse_dynamic(std::span<const std::byte> file);

}  // namespace enclavisor::host
