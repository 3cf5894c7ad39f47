#include "host/lib/trusted_files.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "host/lib/measure.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

class TrustedFiles : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "trusted-XXXXXX").string();
        root_ = ::mkdtemp(pattern.data());
        fs::create_directories(root_ / "b/c");
        std::ofstream{root_ / "z"} << "abc";
        std::ofstream{root_ / "b/c/f"} << "";
        fs::create_symlink("z", root_ / "link");
        fs::create_symlink("nowhere", root_ / "dangling");
        fs::create_directory_symlink(".", root_ / "loop");
    }
    void TearDown() override { fs::remove_all(root_); }
    fs::path root_;
};

TEST_F(TrustedFiles, AllFilesInOrder) {
    const auto files = hash_trusted_files(root_, "/m");
    ASSERT_TRUE(files) << files.error().text();
    std::vector<std::string> paths;
    for (const TrustedFile& file : files.value()) paths.push_back(file.path);
    EXPECT_EQ(paths, (std::vector<std::string>{"/m/b/c/f", "/m/link", "/m/z"}));
    EXPECT_EQ(files.value()[2].size, 3u);
    EXPECT_EQ(to_hex(files.value()[2].sha256),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(files.value()[2].mode & 0222u, 0u);
}

TEST_F(TrustedFiles, OneFile) {
    const auto files = hash_trusted_files(root_ / "z", "/etc/z");
    ASSERT_TRUE(files);
    ASSERT_EQ(files.value().size(), 1u);
    EXPECT_EQ(files.value()[0].path, "/etc/z");
}

TEST_F(TrustedFiles, Missing) {
    EXPECT_FALSE(hash_trusted_files(root_ / "none", "/"));
}

}  // namespace
}  // namespace enclavisor::host
