#include "host/daemon/output_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace enclavisor::host {
namespace {

class OutputLogTest : public testing::Test {
protected:
    OutputLogTest() {
        std::string pattern = "/tmp/enclavisor-test-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
    }
    ~OutputLogTest() override { std::filesystem::remove_all(directory_); }
    std::filesystem::path path() const { return directory_ / "log"; }
    std::filesystem::path directory_;
};

TEST_F(OutputLogTest, KeepsItsEndAndNoMoreThanItsLimit) {
    auto log = OutputLog::create(path(), kLeastLogLimit).take();
    const Fd writer = log.writer().take();
    std::string all;
    for (int i = 0; i < 40'000; i++) {
        const std::string line = "line " + std::to_string(i) + "\n";
        ASSERT_EQ(::write(writer.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
        all += line;
        if (i % 100 != 0) continue;
        log.trim();
        struct stat info {};
        ASSERT_EQ(::stat(path().c_str(), &info), 0);
        ASSERT_LE(info.st_blocks * 512, static_cast<long>(kLeastLogLimit + 16384)) << i;
    }
    const Fd reader{::open(path().c_str(), O_RDONLY)};
    const std::uint64_t begin = first_kept(reader.get(), 0);
    EXPECT_GT(begin, all.size() - kLeastLogLimit - 16384);
    EXPECT_LE(begin, all.size() - kLeastLogLimit / 2 + 4096) << "half of it is there";
    std::string rest(all.size() - begin, '\0');
    EXPECT_EQ(::pread(reader.get(), rest.data(), rest.size(), static_cast<off_t>(begin)),
              static_cast<ssize_t>(rest.size()));
    EXPECT_EQ(rest, all.substr(begin));
    EXPECT_EQ(first_kept(reader.get(), begin + 7), begin + 7);
    EXPECT_EQ(first_kept(reader.get(), all.size()), all.size());
    EXPECT_EQ(first_kept(reader.get(), all.size() + 1), 0u) << "another file";
}

TEST_F(OutputLogTest, WithoutALimitNothingGoes) {
    auto log = OutputLog::create(path(), 0).take();
    const std::string text(1 << 20, 'x');
    ASSERT_EQ(::write(log.writer().value().get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    log.trim();
    const Fd reader{::open(path().c_str(), O_RDONLY)};
    EXPECT_EQ(first_kept(reader.get(), 0), 0u);
    EXPECT_EQ(std::filesystem::file_size(path()), text.size());
}

TEST_F(OutputLogTest, ALinkIsNotFollowed) {
    std::filesystem::create_symlink("/dev/null", path());
    EXPECT_FALSE(OutputLog::create(path(), 0).ok());
}

}  // namespace
}  // namespace enclavisor::host
