#include "runtime/files/trusted.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "runtime/support/sha256.hpp"

namespace enclavisor::runtime {
namespace {

std::vector<std::byte> host_contents;
std::string asked_path;

std::int64_t fake_reader(const std::string& path, std::vector<std::byte>& contents, std::uint64_t size) {
    asked_path = path;
    if (host_contents.size() < size) return -EIO;
    contents.assign(host_contents.begin(), host_contents.begin() + static_cast<std::ptrdiff_t>(size));
    return 0;
}

std::vector<std::byte> bytes(std::string_view text) {
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    return {begin, begin + text.size()};
}

// FIPS 180-4 examples.
TEST(Sha256, KnownAnswers) {
    auto hex = [](std::string_view text) {
        std::string result;
        for (const std::byte b : sha256(bytes(text))) {
            char digits[3];
            std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned>(b));
            result += digits;
        }
        return result;
    };
    EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

class TrustedTest : public testing::Test {
protected:
    TrustedTest() {
        host_contents = bytes("contents");
        TrustedFile file{};
        file.info.size = 8;
        file.info.mode = 0444;
        std::memcpy(file.info.sha256, sha256(host_contents).data(), 32);
        file.path = "/ro/sub/file";
        all_.push_back(file);
        files_ = std::make_unique<TrustedFiles>(Mount{abi::MountType::kTrusted, "/ro", "host/dir"}, all_,
                                                fake_reader, 0, 0);
    }
    static Place at(std::string path) {
        Place place;
        place.enclave_path = path;
        place.path = std::move(path);
        return place;
    }
    std::int64_t error_of(const char* path, int flags) {
        auto opened = files_->open(at(path), flags, 0);
        return opened.ok() ? 0 : opened.error();
    }
    std::vector<TrustedFile> all_;
    std::unique_ptr<TrustedFiles> files_;
};

TEST_F(TrustedTest, OpensWhatHasTheRightHash) {
    auto opened = files_->open(at("/ro/sub/file"), O_RDONLY, 0);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(asked_path, "host/dir/sub/file");
    char text[16];
    EXPECT_EQ(opened.value()->read({reinterpret_cast<Address>(text), sizeof(text)}, kPosition), 8);
    EXPECT_EQ(std::string_view(text, 8), "contents");
}

TEST_F(TrustedTest, RefusesWhatTheHostChanged) {
    host_contents[3] ^= std::byte{1};
    EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), -EACCES);
    host_contents.resize(4);
    EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), -EIO);
}

TEST_F(TrustedTest, IsReadOnly) {
    EXPECT_EQ(error_of("/ro/sub/file", O_RDWR), -EROFS);
    EXPECT_EQ(error_of("/ro/sub/new", O_WRONLY | O_CREAT), -EROFS);
    EXPECT_EQ(error_of("/ro/sub/none", O_RDONLY), -ENOENT);
    EXPECT_EQ(files_->unlink(at("/ro/sub/file"), 0), -EROFS);
    EXPECT_EQ(error_of("/ro/sub", O_RDONLY), 0);
    EXPECT_EQ(files_->access(at("/ro/sub/file"), W_OK, 0), -EROFS);
}

}  // namespace
}  // namespace enclavisor::runtime
