#include "host/daemon/place.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

namespace enclavisor::host {
namespace {

class Place : public testing::Test {
protected:
    Place() {
        std::string pattern = "/tmp/enclavisor-test-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
        ::setenv("ENCLAVISOR_RUN_DIR", directory_.c_str(), 1);
    }
    ~Place() override {
        ::unsetenv("ENCLAVISOR_RUN_DIR");
        std::filesystem::remove_all(directory_);
    }
    std::filesystem::path directory_;
};

TEST_F(Place, NamesThatAreNoFolderAreRefused) {
    for (const char* name :
         {"", ".", "..", "a/b", "a b", "a\n", "012345678901234567890123456789012", "\xc3\xa9"}) {
        EXPECT_FALSE(find_place(name).ok()) << name;
    }
    EXPECT_TRUE(find_place("my_VM-2").ok());
}

TEST_F(Place, OneAtATimeHoldsTheLock) {
    const auto place = make_place("one").take();
    EXPECT_FALSE(is_locked(place));
    EXPECT_TRUE(living_places().empty());
    {
        const auto lock = take_lock(place);
        ASSERT_TRUE(lock.ok());
        EXPECT_TRUE(is_locked(place));
        EXPECT_FALSE(take_lock(place).ok());
        ASSERT_EQ(living_places().size(), 1u);
        EXPECT_EQ(living_places()[0].name, "one");
    }
    EXPECT_FALSE(is_locked(place));
    EXPECT_TRUE(take_lock(place).ok());
}

TEST_F(Place, AFolderThatOthersCanWriteToIsNotUsed) {
    ASSERT_EQ(::mkdir((directory_ / "open").c_str(), 0700), 0);
    ASSERT_EQ(::chmod((directory_ / "open").c_str(), 0777), 0);
    EXPECT_FALSE(make_place("open").ok());
    std::filesystem::create_symlink("/tmp", directory_ / "link");
    EXPECT_FALSE(make_place("link").ok());
}

}  // namespace
}  // namespace enclavisor::host
