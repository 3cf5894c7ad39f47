#include "runtime/memory/areas.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kPage = 4096;
Area area(std::uint64_t begin, std::uint64_t end, int protection = 3) {
    return {{begin * kPage, end * kPage}, protection, AreaKind::kAnonymous};
}
Range pages(std::uint64_t begin, std::uint64_t end) {
    return {begin * kPage, end * kPage};
}

TEST(Areas, NeighboursOfOneKindAreOne) {
    Areas areas;
    areas.insert(area(1, 2));
    areas.insert(area(3, 4));
    areas.insert(area(2, 3));
    ASSERT_EQ(areas.all().size(), 1u);
    EXPECT_EQ(areas.all()[0].range.size(), 3 * kPage);
    EXPECT_TRUE(areas.covers(pages(1, 4)));
    EXPECT_FALSE(areas.covers(pages(1, 5)));
}

TEST(Areas, RemovingTheMiddleLeavesBothSides) {
    Areas areas;
    areas.insert(area(10, 20));
    areas.remove(pages(12, 14));
    EXPECT_NE(areas.find(11 * kPage), nullptr);
    EXPECT_EQ(areas.find(12 * kPage), nullptr);
    EXPECT_NE(areas.find(14 * kPage), nullptr);
    EXPECT_FALSE(areas.overlaps(pages(12, 14)));
    EXPECT_TRUE(areas.overlaps(pages(13, 15)));
}

TEST(Areas, ProtectSplitsAndMergesAgain) {
    Areas areas;
    areas.insert(area(0x10, 0x20));
    areas.protect(pages(0x14, 0x18), 1);
    EXPECT_EQ(areas.all().size(), 3u);
    areas.protect(pages(0x14, 0x18), 3);
    EXPECT_EQ(areas.all().size(), 1u);
}

TEST(Areas, GapsAreTheHighestThatFit) {
    Areas areas;
    areas.insert(area(90, 100));
    areas.insert(area(80, 85));
    auto gap = areas.find_gap(5 * kPage, 16 * kPage, 100 * kPage);
    ASSERT_TRUE(gap);
    EXPECT_EQ(gap->begin, 85 * kPage);
    gap = areas.find_gap(6 * kPage, 16 * kPage, 100 * kPage);
    ASSERT_TRUE(gap);
    EXPECT_EQ(gap->end, 80 * kPage);
    EXPECT_FALSE(areas.find_gap(65 * kPage, 16 * kPage, 100 * kPage));
    EXPECT_TRUE(areas.find_gap(64 * kPage, 16 * kPage, 100 * kPage));
}

// Against a map from page to protection.
TEST(Areas, BehavesLikeAMapOfPages) {
    std::mt19937 random{7};
    Areas areas;
    std::map<std::uint64_t, int> model;
    for (int step = 0; step < 20000; step++) {
        const std::uint64_t begin = random() % 64, end = begin + 1 + random() % 16;
        const int protection = static_cast<int>(random() % 3);
        switch (random() % 3) {
            case 0:
                areas.insert(area(begin, end, protection));
                for (auto p = begin; p < end; p++) model[p] = protection;
                break;
            case 1:
                areas.remove(pages(begin, end));
                for (auto p = begin; p < end; p++) model.erase(p);
                break;
            default:
                areas.protect(pages(begin, end), protection);
                for (auto p = begin; p < end; p++) {
                    if (model.count(p)) model[p] = protection;
                }
        }
        std::uint64_t last = 0;
        for (const Area& a : areas.all()) {
            ASSERT_LT(a.range.begin, a.range.end);
            ASSERT_GE(a.range.begin, last);
            last = a.range.end;
        }
        for (std::uint64_t p = 0; p < 80; p++) {
            const Area* found = areas.find(p * kPage + 5);
            ASSERT_EQ(found != nullptr, model.count(p) == 1) << "page " << p;
            if (found != nullptr) {
                ASSERT_EQ(found->protection, model[p]);
            }
        }
    }
}

TEST(Areas, PartsOfAFileKnowTheirOffsets) {
    Areas areas;
    Area file = area(0x10, 0x20, 1);
    file.kind = AreaKind::kFile;
    file.file = 5;
    file.offset = 0x100 * kPage;
    areas.insert(file);
    areas.remove(pages(0x14, 0x18));
    EXPECT_EQ(areas.find(0x10 * kPage)->offset, 0x100 * kPage);
    EXPECT_EQ(areas.find(0x18 * kPage)->offset, 0x108 * kPage);
    // What fits between them joins them again; another part of the file does not.
    Area between = file;
    between.range = pages(0x14, 0x18);
    between.offset = 0x105 * kPage;
    areas.insert(between);
    EXPECT_EQ(areas.all().size(), 3u);
    between.offset = 0x104 * kPage;
    areas.insert(between);
    EXPECT_EQ(areas.all().size(), 1u);
}

TEST(Areas, AFileOnceWritableIsNoLongerTheFile) {
    Areas areas;
    Area file = area(0x10, 0x20, 1);
    file.kind = AreaKind::kFile;
    file.file = 5;
    areas.insert(file);
    areas.protect(pages(0x14, 0x18), 3);
    areas.protect(pages(0x14, 0x18), 1);
    EXPECT_TRUE(areas.find(0x14 * kPage)->written);
    EXPECT_FALSE(areas.find(0x13 * kPage)->written);
    EXPECT_FALSE(areas.find(0x18 * kPage)->written);
    EXPECT_EQ(areas.find(0x18 * kPage)->offset, 8 * kPage);
}

TEST(Areas, WhatIsWipedIsRememberedByPage) {
    Areas areas;
    areas.insert({{0x10000, 0x14000}, 3, AreaKind::kAnonymous});
    areas.set_wiped({0x11000, 0x12000}, true);
    ASSERT_EQ(areas.all().size(), 3u);
    EXPECT_TRUE(areas.find(0x11fff)->wiped_in_copies);
    EXPECT_FALSE(areas.find(0x12000)->wiped_in_copies);
    areas.protect({0x10000, 0x14000}, 1);
    EXPECT_TRUE(areas.find(0x11000)->wiped_in_copies);
    areas.set_wiped({0x11000, 0x12000}, false);
    EXPECT_EQ(areas.all().size(), 1u);
}

}  // namespace
}  // namespace enclavisor::runtime
