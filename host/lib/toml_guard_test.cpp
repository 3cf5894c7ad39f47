#include "host/lib/toml_guard.hpp"

#include <gtest/gtest.h>

namespace enclavisor::host {
namespace {

TEST(TomlGuard, StringsAndCommentsMayHoldAnything) {
    for (const char* text : {"a = 'é'", "a = \"\\\"é\"", "# é\n", "a = '''\né'''", "a = \"\"\"é\"\"\"\"\"",
                             "\xef\xbb\xbf"
                             "a = 1"}) {
        EXPECT_FALSE(find_stray_character(text)) << text;
    }
}

TEST(TomlGuard, ElsewhereTheyAreFound) {
    for (const char* text : {"é = 1", "a = é", "a = 'b' é", "a = '''b'''' é", "a = \"\\\\\" é", "# c\né"}) {
        EXPECT_TRUE(find_stray_character(text)) << text;
    }
    const auto position = find_stray_character("a = 1\nbé = 2");
    ASSERT_TRUE(position);
    EXPECT_EQ(position->line, 2u);
    EXPECT_EQ(position->column, 2u);
}

TEST(TomlGuard, Shape) {
    EXPECT_EQ(ascii_shape("a = 'é€'\n"), "a = 'XX'\n");
}

}  // namespace
}  // namespace enclavisor::host
