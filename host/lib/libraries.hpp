// Which shared libraries a dynamic program begins with, as its interpreter would find
// them (ld.so(8)): DT_NEEDED of the program and of its libraries, along RPATH and
// RUNPATH, ld.so.cache, and the default folders.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace enclavisor::host {

struct LibrarySearch {
    std::filesystem::path cache = "/etc/ld.so.cache";
    std::vector<std::string> folders = {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib",
                                        "/usr/lib"};
};

// Their paths as the interpreter opens them, sorted, without the interpreter. What cannot be
// found is left out: the interpreter says so itself.
std::vector<std::string> needed_libraries(std::span<const std::byte> program, const std::string& path,
                                          const std::string& interpreter, const LibrarySearch& search = {});

}  // namespace enclavisor::host
