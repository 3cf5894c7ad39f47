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

TEST_F(TrustedFiles, AllFilesAndLinksInOrder) {
    const auto result = hash_trusted_tree(root_, "/m");
    ASSERT_TRUE(result) << result.error().text();
    const TrustedTree& tree = result.value();
    std::vector<std::string> paths, links;
    for (const TrustedFile& file : tree.files) paths.push_back(file.path);
    for (const TrustedLink& link : tree.links) links.push_back(link.path + " " + link.target);
    EXPECT_EQ(paths, (std::vector<std::string>{"/m/b/c/f", "/m/z"}));
    EXPECT_EQ(links, (std::vector<std::string>{"/m/dangling nowhere", "/m/link z", "/m/loop ."}));
    EXPECT_EQ(tree.files[0].size, 0u);
    EXPECT_TRUE(tree.files[0].chunks.empty());
    EXPECT_EQ(tree.files[1].size, 3u);
    ASSERT_EQ(tree.files[1].chunks.size(), 1u);
    EXPECT_EQ(to_hex(tree.files[1].chunks[0]),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    // sha256sum of 03 00 00 00 00 00 00 00 and those 32 bytes; of eight zeros.
    EXPECT_EQ(to_hex(tree.files[1].root), "80a67215aff0c585b6c055e38aa04b76d4b208e2d0c3eb31bfd02822ae62e1c0");
    EXPECT_EQ(to_hex(tree.files[0].root), "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc");
    EXPECT_EQ(tree.files[1].mode & 0222u, 0u);
}

TEST_F(TrustedFiles, ChunksEndWithTheFile) {
    for (const std::size_t size : {16383, 16384, 16385, 32768, 200000}) {
        std::ofstream{root_ / "big"} << std::string(size, 'x');
        const auto file = hash_trusted_file(root_ / "big", "/big");
        ASSERT_TRUE(file);
        EXPECT_EQ(file.value().size, size);
        EXPECT_EQ(file.value().chunks.size(), abi::trusted_chunks(size));
    }
}

TEST_F(TrustedFiles, OneFile) {
    for (const char* name : {"z", "link"}) {
        const auto tree = hash_trusted_tree(root_ / name, "/etc/z");
        ASSERT_TRUE(tree);
        ASSERT_EQ(tree.value().files.size(), 1u);
        EXPECT_EQ(tree.value().files[0].path, "/etc/z");
        EXPECT_TRUE(tree.value().links.empty());
    }
}

TEST_F(TrustedFiles, Missing) {
    EXPECT_FALSE(hash_trusted_tree(root_ / "none", "/"));
}

}  // namespace
}  // namespace enclavisor::host
