// Which shared libraries a dynamic program begins with, as its interpreter would find
// them (ld.so(8)): DT_NEEDED of the program and of its libraries, along RPATH and
// RUNPATH, ld.so.cache, and the default folders.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace enclavisor::host {

struct LibrarySearch {
    std::filesystem::path cache = "/etc/ld.so.cache";
    std::vector<std::string> folders = {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib",
                                        "/usr/lib"};
    std::vector<std::string> library_path = {};  // LD_LIBRARY_PATH
    // Where the host has the file that the interpreter sees under this name; empty: nowhere.
    std::function<std::string(const std::string&)> locate = [](const std::string& path) { return path; };
};

struct MissingLibrary {
    std::string name, needed_by;
};

struct Libraries {
    // As the interpreter opens them, sorted, without the interpreter.
    std::vector<std::string> paths;
    std::vector<MissingLibrary> missing;  // which the interpreter complains about
};

Libraries needed_libraries(std::span<const std::byte> program, const std::string& path,
                           const std::string& interpreter, const LibrarySearch& search = {});

}  // namespace enclavisor::host
