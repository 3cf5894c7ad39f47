#include "host/lib/libraries.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "host/lib/elf_dynamic.hpp"
#include "host/lib/library_cache.hpp"
#include "host/lib/test_elf.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

struct Tags {
    std::vector<std::string> needed;
    std::string soname, rpath, runpath;
};

// A library or program with this dynamic section.
std::vector<std::byte> dynamic_elf(const Tags& tags) {
    TestElf elf;
    elf.header.e_type = ET_DYN;
    std::string strings(1, '\0');
    std::vector<Elf64_Dyn> entries;
    const auto add = [&](Elf64_Sxword tag, const std::string& text) {
        if (text.empty()) return;
        entries.push_back({tag, {strings.size()}});
        strings += text + '\0';
    };
    for (const std::string& name : tags.needed) add(DT_NEEDED, name);
    add(DT_SONAME, tags.soname);
    add(DT_RPATH, tags.rpath);
    add(DT_RUNPATH, tags.runpath);
    // Strings at file offset 0x1000, address 0x401000; the section after them.
    entries.push_back({DT_STRTAB, {0x401000}});
    entries.push_back({DT_NULL, {0}});
    std::memcpy(elf.contents.data(), strings.data(), strings.size());
    std::memcpy(elf.contents.data() + 0x800, entries.data(), entries.size() * sizeof(Elf64_Dyn));
    const std::uint64_t size = entries.size() * sizeof(Elf64_Dyn);
    elf.add(PF_R, 0x1800, 0x401800, size, size, PT_DYNAMIC);
    return elf.bytes();
}

class NeededLibraries : public testing::Test {
protected:
    NeededLibraries() {
        std::string pattern = (fs::temp_directory_path() / "enclavisor-libraries-XXXXXX").string();
        root_ = ::mkdtemp(pattern.data());
        search_.cache = root_ / "cache";
        search_.folders = {root_ / "default"};
        fs::create_directory(root_ / "bin");
    }
    ~NeededLibraries() override { fs::remove_all(root_); }

    std::string put(const std::string& path, const std::vector<std::byte>& bytes) {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream{root_ / path, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                                            static_cast<std::streamsize>(bytes.size()));
        return (root_ / path).string();
    }
    std::vector<std::string> needed(const Tags& program) {
        Libraries found = needed_libraries(dynamic_elf(program), (root_ / "bin/program").string(),
                                           "/lib64/ld.so.2", search_);
        for (std::string& path : found.paths) path = fs::path{path}.lexically_relative(root_).string();
        missing_.clear();
        for (const MissingLibrary& library : found.missing)
            missing_.push_back(library.name + " of " + fs::path{library.needed_by}.filename().string());
        return found.paths;
    }
    using Paths = std::vector<std::string>;

    fs::path root_;
    LibrarySearch search_;
    Paths missing_;
};

TEST_F(NeededLibraries, ReadsTheDynamicSection) {
    const auto dynamic = parse_dynamic(dynamic_elf({{"a", "b"}, "me", "r", "u"}));
    ASSERT_TRUE(dynamic);
    EXPECT_EQ(dynamic->needed, (Paths{"a", "b"}));
    EXPECT_EQ(dynamic->soname, "me");
    EXPECT_EQ(dynamic->rpath, "r");
    EXPECT_EQ(dynamic->runpath, "u");
}

TEST_F(NeededLibraries, NoFileAndNoPartOfOneIsMoreThanRefused) {
    EXPECT_FALSE(parse_dynamic({}));
    const auto whole = dynamic_elf({{"a"}, "", "", ""});
    for (std::size_t size = 0; size < whole.size(); size += 13) {
        (void)parse_dynamic(std::span{whole}.first(size));
    }
    auto wild = whole;
    for (std::size_t i = 0x1800; i < 0x1840; i++) wild[i] = std::byte{0xff};
    (void)parse_dynamic(wild);
}

TEST_F(NeededLibraries, OfLibrariesToo) {
    put("default/one", dynamic_elf({{"two", "ld.so.2"}, "one", "", ""}));
    put("default/two", dynamic_elf({{"one", "missing"}, "two", "", ""}));
    EXPECT_EQ(needed({{"one"}, "", "", ""}), (Paths{"default/one", "default/two"}));
    EXPECT_EQ(missing_, Paths{"missing of two"});
}

TEST_F(NeededLibraries, OnlyWhatIsSeenUnderItsName) {
    put("default/lib", dynamic_elf({}));
    put("other/lib", dynamic_elf({}));
    search_.library_path = {root_ / "other"};
    EXPECT_EQ(needed({{"lib"}, "", "", ""}), Paths{"other/lib"});
    EXPECT_EQ(needed({{"lib"}, "", (root_ / "default").string(), ""}), Paths{"default/lib"});
    EXPECT_EQ(needed({{"lib"}, "", "", (root_ / "default").string()}), Paths{"other/lib"});
    search_.locate = [](const std::string& path) {
        return path.find("/other/") == std::string::npos ? path : "";
    };
    EXPECT_EQ(needed({{"lib"}, "", "", ""}), Paths{"default/lib"});
    search_.locate = [](const std::string&) { return std::string{}; };
    EXPECT_EQ(needed({{"lib"}, "", "", ""}), Paths{});
    EXPECT_EQ(missing_, Paths{"lib of program"});
}

TEST_F(NeededLibraries, RunpathIsTheObjectsOwnAndRpathItsDescendantsToo) {
    put("default/deep", dynamic_elf({}));
    put("own/deep", dynamic_elf({}));
    put("own/lib", dynamic_elf({{"deep"}, "lib", "", ""}));
    EXPECT_EQ(needed({{"lib"}, "", "", "/nowhere:$ORIGIN/../own"}),
              (Paths{"bin/../own/lib", "default/deep"}));
    EXPECT_EQ(needed({{"lib"}, "", "${ORIGIN}/../own", ""}), (Paths{"bin/../own/deep", "bin/../own/lib"}));
    // A RUNPATH puts the RPATH beside it out of force.
    EXPECT_EQ(needed({{"lib"}, "", "$ORIGIN/../own", "/nowhere"}), Paths{});
}

TEST_F(NeededLibraries, WhatIsNoLibraryIsPassedOver) {
    put("first/lib", {std::byte{'#'}});
    put("default/lib", dynamic_elf({}));
    EXPECT_EQ(needed({{"lib"}, "", "", (root_ / "first").string()}), Paths{"default/lib"});
}

TEST_F(NeededLibraries, SonamesAreNames) {
    put("default/lib.so", dynamic_elf({{}, "lib.so.1", "", ""}));
    put("default/lib.so.1", dynamic_elf({{}, "lib.so.1", "", ""}));
    EXPECT_EQ(needed({{"lib.so", "lib.so.1"}, "", "", ""}), Paths{"default/lib.so"});
}

TEST_F(NeededLibraries, TheCacheIsAskedBeforeTheDefaultFolders) {
    const std::string path = put("elsewhere/lib", dynamic_elf({}));
    put("default/lib", dynamic_elf({}));
    std::string cache = "glibc-ld.so.cache1.1";
    const auto number = [&cache](std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; i++) cache += static_cast<char>(value >> 8 * i);
    };
    number(3, 4);
    cache.resize(48);
    const std::uint64_t strings = 48 + 3 * 24;
    for (const auto& [flags, hwcap] : {std::pair{0x0803, 0}, {0x0303, 2}, {0x0303, 0}}) {
        number(static_cast<std::uint64_t>(flags), 4);
        number(strings, 4);
        number(strings + (flags == 0x0303 && hwcap == 0 ? 4 : 0), 4);
        number(0, 4);
        number(static_cast<std::uint64_t>(hwcap), 8);
    }
    cache += std::string{"lib\0", 4} + path + '\0';
    std::vector<std::byte> bytes(cache.size());
    std::memcpy(bytes.data(), cache.data(), cache.size());
    put("cache", bytes);
    EXPECT_EQ(needed({{"lib"}, "", "", ""}), Paths{"elsewhere/lib"});
    EXPECT_EQ(find_in_cache(bytes, "li"), "");
    for (std::size_t size = 0; size < bytes.size(); size++) {
        (void)find_in_cache(std::span{bytes}.first(size), "lib");
    }
}

}  // namespace
}  // namespace enclavisor::host
