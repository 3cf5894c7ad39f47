#include "runtime/memory/file_parts.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kPage = 4096;
Range pages(std::uint64_t begin, std::uint64_t end) {
    return {begin * kPage, end * kPage};
}
Ref<OpenFile> some_file() {
    return Ref<OpenFile>{new OpenFile{O_RDONLY}};
}

TEST(FileParts, PartsThatAreReadLeaveTheRestWithItsOffsets) {
    FileParts unread;
    unread.add({pages(10, 20), some_file(), 100 * kPage});
    EXPECT_EQ(unread.find(pages(0, 10)), nullptr);
    EXPECT_EQ(unread.find(pages(20, 30)), nullptr);
    unread.remove(pages(12, 14));
    ASSERT_NE(unread.find(pages(0, 30)), nullptr);
    EXPECT_EQ(unread.find(pages(0, 30))->range.end, 12 * kPage);
    EXPECT_EQ(unread.find(pages(12, 14)), nullptr);
    const auto* rest = unread.find(pages(13, 15));
    ASSERT_NE(rest, nullptr);
    EXPECT_EQ(rest->range.begin, 14 * kPage);
    EXPECT_EQ(rest->offset, 104 * kPage);
}

// Against a map from page to the file's page.
TEST(FileParts, BehavesLikeAMapOfPages) {
    std::mt19937 random{11};
    FileParts unread;
    std::map<std::uint64_t, std::uint64_t> model;
    const Ref<OpenFile> file = some_file();
    for (int step = 0; step < 20000; step++) {
        const std::uint64_t begin = random() % 64, end = begin + 1 + random() % 16, at = random() % 100;
        unread.remove(pages(begin, end));
        for (auto p = begin; p < end; p++) model.erase(p);
        if (random() % 2) {
            unread.add({pages(begin, end), file, at * kPage});
            for (auto p = begin; p < end; p++) model[p] = at + p - begin;
        }
        for (std::uint64_t p = 0; p < 80; p++) {
            const auto* found = unread.find(pages(p, p + 1));
            ASSERT_EQ(found != nullptr, model.count(p) == 1) << "page " << p;
            if (found != nullptr) {
                ASSERT_EQ((found->offset + p * kPage - found->range.begin) / kPage, model[p]);
            }
        }
        std::uint64_t read = 0;
        unread.for_each_gap(pages(0, 80), [&](Range range) {
            read += range.size() / kPage;
            EXPECT_EQ(unread.find(range), nullptr);
            return true;
        });
        ASSERT_EQ(read, 80 - model.size());
    }
}

}  // namespace
}  // namespace enclavisor::runtime
