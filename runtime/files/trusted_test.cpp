#include "runtime/files/trusted.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "runtime/support/sha256.hpp"

namespace enclavisor::runtime {
namespace {

// A host that has one file, and the list of its hashes.
struct FakeHost final : TrustedSource {
    std::vector<std::byte> contents, hashes;
    std::string asked_path;
    int open_files = 0, reads = 0;

    std::int64_t open(const std::string& path) override {
        asked_path = path;
        open_files++;
        return 7;
    }
    void close(std::int64_t) override { open_files--; }
    std::int64_t read(std::int64_t, std::byte* to, std::uint64_t size, std::uint64_t offset) override {
        reads++;
        return copy(contents, to, std::min<std::uint64_t>(size, 10'000), offset);  // in pieces
    }
    std::int64_t read_hashes(std::byte* to, std::uint64_t size, std::uint64_t offset) override {
        return copy(hashes, to, std::min<std::uint64_t>(size, 40), offset);
    }
    static std::int64_t copy(const std::vector<std::byte>& from, std::byte* to, std::uint64_t size,
                             std::uint64_t offset) {
        if (offset >= from.size()) return 0;
        const std::uint64_t count = std::min(size, from.size() - offset);
        std::memcpy(to, from.data() + offset, count);
        return static_cast<std::int64_t>(count);
    }
};

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
    TrustedTest() { set_contents(bytes("contents")); }

    void set_contents(std::vector<std::byte> contents) {
        host_.contents = std::move(contents);
        host_.hashes.assign(64, std::byte{9});  // another file's
        TrustedFile file{};
        file.info.size = host_.contents.size();
        file.info.mode = 0444;
        file.path = "/ro/sub/file";
        file.hashes_offset = 64;
        std::vector<std::byte> rooted(8);
        std::memcpy(rooted.data(), &file.info.size, 8);
        for (std::size_t at = 0; at < host_.contents.size(); at += abi::kTrustedChunk) {
            const auto chunk = std::span{host_.contents}.subspan(
                at, std::min<std::size_t>(abi::kTrustedChunk, host_.contents.size() - at));
            const auto hash = sha256(chunk);
            rooted.insert(rooted.end(), hash.begin(), hash.end());
            host_.hashes.insert(host_.hashes.end(), hash.begin(), hash.end());
        }
        std::memcpy(file.info.root, sha256(rooted).data(), 32);
        config_ = {};
        config_.trusted_files = {file};
        config_.trusted_links = {{"/ro/link", "sub/file"}, {"/ro/sub/up", "../sub"}, {"/ro/away", "/etc"}};
        files_ = std::make_unique<TrustedFiles>(Mount{abi::MountType::kTrusted, "/ro", "host/dir"}, config_,
                                                host_, 0, 0);
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
    // What reading so much from there gives: the bytes, or the error as a number.
    std::string read(OpenFile& file, std::uint64_t size, std::uint64_t offset) {
        std::string text(size, '?');
        const std::int64_t count = file.read({reinterpret_cast<Address>(text.data()), size}, offset);
        if (count < 0) return std::to_string(count);
        text.resize(static_cast<std::size_t>(count));
        return text;
    }
    // Three chunks and a little, all different.
    static std::vector<std::byte> large() {
        std::vector<std::byte> contents(3 * abi::kTrustedChunk + 100);
        for (std::size_t i = 0; i < contents.size(); i++)
            contents[i] = static_cast<std::byte>(i * 31 + i / abi::kTrustedChunk);
        return contents;
    }

    FakeHost host_;
    Config config_;
    std::unique_ptr<TrustedFiles> files_;
};

TEST_F(TrustedTest, OpensWhatHasTheRightHash) {
    {
        auto opened = files_->open(at("/ro/sub/file"), O_RDONLY, 0);
        ASSERT_TRUE(opened.ok());
        EXPECT_EQ(host_.asked_path, "host/dir/sub/file");
        EXPECT_EQ(host_.open_files, 1);
        EXPECT_EQ(read(*opened.value(), 16, kPosition), "contents");
        EXPECT_EQ(read(*opened.value(), 16, kPosition), "");
        EXPECT_EQ(read(*opened.value(), 3, 4), "ent");
    }
    EXPECT_EQ(host_.open_files, 0);
}

TEST_F(TrustedTest, RefusesWhatTheHostChanged) {
    auto opened = files_->open(at("/ro/sub/file"), O_RDONLY, 0);
    ASSERT_TRUE(opened.ok());
    host_.contents[3] ^= std::byte{1};
    EXPECT_EQ(read(*opened.value(), 8, 0), std::to_string(-EIO));
    host_.contents.resize(4);
    EXPECT_EQ(read(*opened.value(), 8, 0), std::to_string(-EIO));
}

TEST_F(TrustedTest, ChunksAreReadOnceAndOnlyWhereTheyAreUsed) {
    set_contents(large());
    auto opened = files_->open(at("/ro/sub/file"), O_RDONLY, 0);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(host_.reads, 0);
    const std::string across = read(*opened.value(), 200, abi::kTrustedChunk - 100);
    EXPECT_EQ(std::memcmp(across.data(), host_.contents.data() + abi::kTrustedChunk - 100, 200), 0);
    EXPECT_EQ(host_.reads, 4);  // two chunks in two pieces each
    read(*opened.value(), 1000, abi::kTrustedChunk + 5000);
    EXPECT_EQ(host_.reads, 4);
    EXPECT_EQ(read(*opened.value(), 1000, 3 * abi::kTrustedChunk).size(), 100u);
    const std::string all = read(*opened.value(), host_.contents.size() + 5, 0);
    EXPECT_EQ(all.size(), host_.contents.size());
    EXPECT_EQ(std::memcmp(all.data(), host_.contents.data(), all.size()), 0);
}

TEST_F(TrustedTest, AChangeAfterTheOpenIsFoundInItsChunk) {
    set_contents(large());
    auto opened = files_->open(at("/ro/sub/file"), O_RDONLY, 0);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(read(*opened.value(), 4, 0).size(), 4u);
    host_.contents[abi::kTrustedChunk + 7] ^= std::byte{1};
    host_.contents[0] ^= std::byte{1};
    EXPECT_EQ(read(*opened.value(), 1, abi::kTrustedChunk), std::to_string(-EIO));
    // What was verified stays as it was; what stands before the change is delivered.
    EXPECT_EQ(read(*opened.value(), 1, 0), std::string(1, '\0'));
    EXPECT_EQ(read(*opened.value(), 70'000, 10).size(), abi::kTrustedChunk - 10);
    EXPECT_EQ(read(*opened.value(), 100, 3 * abi::kTrustedChunk).size(), 100u);
    host_.contents.resize(3 * abi::kTrustedChunk + 50);
    EXPECT_EQ(read(*opened.value(), 10, 2 * abi::kTrustedChunk).size(), 10u);
    EXPECT_EQ(read(*opened.value(), 10, 3 * abi::kTrustedChunk), std::to_string(-EIO));
}

TEST_F(TrustedTest, AWrongListIsRefusedAtTheOpen) {
    set_contents(large());
    const auto right = host_.hashes;
    for (const std::size_t byte : {64u, 64u + 33u, 64u + 127u}) {
        host_.hashes = right;
        host_.hashes[byte] ^= std::byte{0x80};
        EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), -EACCES) << byte;
    }
    host_.hashes = right;
    host_.hashes.pop_back();
    EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), -EIO);
    host_.hashes.clear();
    EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), -EIO);
    EXPECT_EQ(host_.open_files, 0);
    host_.hashes = right;
    EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), 0);
    // Once verified it is kept, and the host is not asked again.
    host_.hashes.clear();
    EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), 0);
}

TEST_F(TrustedTest, AListForAnotherSizeIsRefused) {
    set_contents(large());
    config_.trusted_files[0].info.size--;
    EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), -EACCES);
}

TEST_F(TrustedTest, AnEmptyFile) {
    set_contents({});
    auto opened = files_->open(at("/ro/sub/file"), O_RDONLY, 0);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(read(*opened.value(), 8, 0), "");
    EXPECT_EQ(host_.reads, 0);
    config_.trusted_files[0].info.root[0] ^= 1;
    EXPECT_EQ(error_of("/ro/sub/file", O_RDONLY), -EACCES);
}

TEST_F(TrustedTest, IsReadOnly) {
    EXPECT_EQ(error_of("/ro/sub/file", O_RDWR), -EROFS);
    EXPECT_EQ(error_of("/ro/sub/new", O_WRONLY | O_CREAT), -EROFS);
    EXPECT_EQ(error_of("/ro/sub/none", O_RDONLY), -ENOENT);
    EXPECT_EQ(error_of("/ro/sub/file/none", O_RDONLY | O_CREAT), -ENOTDIR);
    EXPECT_EQ(files_->unlink(at("/ro/sub/file"), 0), -EROFS);
    EXPECT_EQ(error_of("/ro/sub", O_RDONLY), 0);
    EXPECT_EQ(error_of("/ro", O_RDONLY), 0);
    EXPECT_EQ(files_->access(at("/ro/sub/file"), W_OK, 0), -EROFS);
}

TEST_F(TrustedTest, TimesAreTheHostsWordAndNoMore) {
    const auto modified = [&] {
        struct stat info;
        EXPECT_EQ(files_->stat(at("/ro/sub/file"), 0, info), 0);
        return info.st_mtim;
    };
    EXPECT_EQ(modified().tv_sec, 0);  // it has none
    for (const std::int64_t time : {5'000'000'007ll, -3ll}) {
        set_contents(bytes("contents"));
        const auto raw = std::as_bytes(std::span{&time, 1});
        host_.hashes.insert(host_.hashes.end(), raw.begin(), raw.end());
        EXPECT_EQ(modified().tv_sec, time > 0 ? 5 : 0);
        EXPECT_EQ(modified().tv_nsec, time > 0 ? 7 : 0);
    }
}

TEST_F(TrustedTest, LinksAreNamesOfTheirOwn) {
    struct stat info;
    ASSERT_EQ(files_->stat(at("/ro/link"), AT_SYMLINK_NOFOLLOW, info), 0);
    EXPECT_TRUE(S_ISLNK(info.st_mode));
    EXPECT_EQ(info.st_size, 8);
    std::string target;
    EXPECT_EQ(files_->read_link(at("/ro/link"), target), 0);
    EXPECT_EQ(target, "sub/file");
    EXPECT_EQ(files_->read_link(at("/ro/sub/file"), target), -EINVAL);
    EXPECT_EQ(files_->read_link(at("/ro/sub"), target), -EINVAL);
    EXPECT_EQ(files_->read_link(at("/ro/none"), target), -ENOENT);
    EXPECT_EQ(error_of("/ro/link", O_RDONLY | O_NOFOLLOW), -ELOOP);
}

TEST_F(TrustedTest, LinksAreFollowedOnTheWayAndAtTheEnd) {
    EXPECT_FALSE(files_->follow("/link", false));
    EXPECT_FALSE(files_->follow("/sub/file", true));
    EXPECT_FALSE(files_->follow("/", true));
    EXPECT_EQ(files_->follow("/link", true)->rest, "sub/file");
    EXPECT_EQ(files_->follow("/link", true)->directory, "");
    EXPECT_EQ(files_->follow("/sub/up/file", false)->rest, "../sub/file");
    EXPECT_EQ(files_->follow("/sub/up/file", false)->directory, "/sub");
    EXPECT_EQ(files_->follow("/away/x/y", false)->rest, "/etc/x/y");
}

TEST_F(TrustedTest, ListsFilesLinksAndDirectories) {
    config_.trusted_files.push_back(config_.trusted_files[0]);
    config_.trusted_files.back().path = "/ro/sub.d/x";
    config_.trusted_files.push_back(config_.trusted_files[0]);
    config_.trusted_files.back().path = "/rocky";
    const TrustedFiles files{Mount{abi::MountType::kTrusted, "/ro", "host"}, config_, host_, 0, 0};
    auto opened = const_cast<TrustedFiles&>(files).open(at("/ro"), O_RDONLY, 0);
    ASSERT_TRUE(opened.ok());
    char records[1024];
    const std::int64_t size = opened.value()->entries(reinterpret_cast<Address>(records), sizeof(records));
    std::string names;
    for (std::int64_t at = 0; at < size;) {
        std::uint16_t length;
        std::memcpy(&length, records + at + 16, 2);
        names += std::string{records + at + 19} + ":" + std::to_string(records[at + 18]) + " ";
        at += length;
    }
    EXPECT_EQ(names, ".:4 ..:4 away:10 link:10 sub.d:4 sub:4 ");
}

}  // namespace
}  // namespace enclavisor::runtime
