#include "runtime/files/path.hpp"

#include <gtest/gtest.h>

namespace enclavisor::runtime {
namespace {

TEST(Path, Normalises) {
    EXPECT_EQ(normalise("/", "a/./b//c"), "/a/b/c");
    EXPECT_EQ(normalise("/x/y", "../z"), "/x/z");
    EXPECT_EQ(normalise("/x", "/abs/"), "/abs");
    EXPECT_EQ(normalise("/", ".."), "/");
    EXPECT_EQ(normalise("/a", "../../../.."), "/");
    EXPECT_EQ(normalise("/a", ""), "/a");
    EXPECT_EQ(normalise("/a", "..."), "/a/...");
}

TEST(Path, NothingLeadsOutOfADirectoryByText) {
    for (const char* path : {"..", "../..", "a/../../..", "/../x", "./.././../b", "....//../.."}) {
        const std::string result = normalise("/mount", path);
        EXPECT_EQ(result.find(".."), result.find("....")) << path;
        EXPECT_EQ(result[0], '/');
    }
}

TEST(Path, WithinIsByWholeParts) {
    EXPECT_TRUE(path_within("/a/b", "/a"));
    EXPECT_TRUE(path_within("/a", "/a"));
    EXPECT_TRUE(path_within("/a", "/"));
    EXPECT_FALSE(path_within("/ab", "/a"));
    EXPECT_FALSE(path_within("/", "/a"));
    EXPECT_EQ(path_below("/a/b/c", "/a"), "/b/c");
    EXPECT_EQ(path_below("/a", "/a"), "/");
    EXPECT_EQ(path_below("/a", "/"), "/a");
}

TEST(Path, Parts) {
    EXPECT_EQ(base_name("/a/b"), "b");
    EXPECT_EQ(parent_path("/a/b"), "/a");
    EXPECT_EQ(parent_path("/a"), "/");
}

}  // namespace
}  // namespace enclavisor::runtime
