#include "runtime/files/tmpfs.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "runtime/host/checks.hpp"

namespace enclavisor::runtime {
namespace {

class TmpfsTest : public testing::Test {
protected:
    static timespec clock() { return {1000, 5}; }
    static Place at(std::string path) {
        Place place;
        place.path = place.enclave_path = std::move(path);
        return place;
    }
    Ref<OpenFile> open(const char* path, int flags = O_RDWR | O_CREAT) {
        auto opened = files_.open(at(path), flags, 0644);
        return opened.ok() ? opened.take() : Ref<OpenFile>{};
    }
    std::int64_t write(OpenFile& file, std::string_view text, std::uint64_t offset = kPosition) {
        return file.write({reinterpret_cast<Address>(text.data()), text.size()}, offset);
    }
    std::string read(OpenFile& file, std::size_t size, std::uint64_t offset = kPosition) {
        std::string text(size, '?');
        const std::int64_t count = file.read({reinterpret_cast<Address>(text.data()), size}, offset);
        text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return text;
    }

    Tmpfs files_{1, 10, 20, clock};
};

TEST_F(TmpfsTest, ReadsWhatWasWritten) {
    auto file = open("/f");
    ASSERT_TRUE(file);
    EXPECT_EQ(write(*file, "hello"), 5);
    EXPECT_EQ(file->seek(0, SEEK_SET), 0);
    EXPECT_EQ(read(*file, 100), "hello");
    EXPECT_EQ(read(*file, 100), "");
    struct stat info;
    EXPECT_EQ(file->stat(info), 0);
    EXPECT_EQ(info.st_size, 5);
    EXPECT_EQ(info.st_uid, 10u);
    EXPECT_EQ(info.st_mode, S_IFREG | 0644u);
}

TEST_F(TmpfsTest, HolesAreZeroAndShrinkingForgets) {
    auto file = open("/f");
    EXPECT_EQ(write(*file, "end", 10000), 3);
    EXPECT_EQ(read(*file, 4, 5000), std::string(4, '\0'));
    EXPECT_EQ(file->truncate(10001), 0);
    EXPECT_EQ(file->truncate(10003), 0);
    EXPECT_EQ(read(*file, 10, 10000), std::string("e\0\0", 3));
    EXPECT_EQ(file->truncate(1ull << 50), -EFBIG);
    EXPECT_EQ(write(*file, "x", 1ull << 62), -EFBIG);
}

TEST_F(TmpfsTest, ABadBufferIsAnError) {
    auto file = open("/f");
    EXPECT_EQ(file->write({8, 5}, 0), -EFAULT);
    EXPECT_EQ(write(*file, "data", 0), 4);
    EXPECT_EQ(file->read({8, 4}, 0), -EFAULT);
}

TEST_F(TmpfsTest, NamesAndDirectories) {
    EXPECT_EQ(files_.make_directory(at("/d"), 0755), 0);
    EXPECT_EQ(files_.make_directory(at("/d"), 0755), -EEXIST);
    EXPECT_EQ(files_.make_directory(at("/x/y"), 0755), -ENOENT);
    ASSERT_TRUE(open("/d/f"));
    EXPECT_EQ(files_.unlink(at("/d"), 0), -EISDIR);
    EXPECT_EQ(files_.unlink(at("/d"), AT_REMOVEDIR), -ENOTEMPTY);
    EXPECT_EQ(files_.unlink(at("/d/f"), AT_REMOVEDIR), -ENOTDIR);
    EXPECT_EQ(files_.rename(at("/d"), at("/d/e"), 0), -EINVAL);
    EXPECT_EQ(files_.rename(at("/d/f"), at("/g"), 0), 0);
    EXPECT_EQ(files_.unlink(at("/d"), AT_REMOVEDIR), 0);
    EXPECT_FALSE(open("/d/f"));
    EXPECT_TRUE(open("/g", O_RDONLY));
    EXPECT_FALSE(open("/g", O_RDWR | O_CREAT | O_EXCL));
    EXPECT_EQ(files_.link(at("/g"), at("/h"), 0), 0);
    struct stat info;
    EXPECT_EQ(files_.stat(at("/h"), 0, info), 0);
    EXPECT_EQ(info.st_nlink, 2u);
    EXPECT_EQ(files_.stat(at("/g/x"), 0, info), -ENOTDIR);
    EXPECT_EQ(files_.make_directory(at("/" + std::string(256, 'n')), 0755), -ENAMETOOLONG);
}

TEST_F(TmpfsTest, AnUnlinkedFileLivesWhileOpen) {
    auto file = open("/f");
    write(*file, "still");
    EXPECT_EQ(files_.unlink(at("/f"), 0), 0);
    EXPECT_EQ(read(*file, 10, 0), "still");
    EXPECT_FALSE(open("/f", O_RDONLY));
}

TEST_F(TmpfsTest, LinksAreFollowedOnTheWayAndAtTheEnd) {
    files_.make_directory(at("/d"), 0755);
    EXPECT_EQ(files_.make_link("d", at("/l")), 0);
    EXPECT_EQ(files_.make_link("/elsewhere", at("/d/abs")), 0);
    EXPECT_EQ(files_.follow("/l/f", false)->rest, "d/f");
    EXPECT_EQ(files_.follow("/l/f", false)->directory, "");
    EXPECT_FALSE(files_.follow("/l", false));
    EXPECT_EQ(files_.follow("/l", true)->rest, "d");
    const auto deeper = files_.follow("/d/abs/x", true);
    ASSERT_TRUE(deeper);
    EXPECT_EQ(deeper->directory, "/d");
    EXPECT_EQ(deeper->rest, "/elsewhere/x");
    std::string target;
    EXPECT_EQ(files_.read_link(at("/l"), target), 0);
    EXPECT_EQ(target, "d");
}

TEST_F(TmpfsTest, ListingIsValidAndComplete) {
    for (int i = 0; i < 300; i++) open(("/file-" + std::to_string(i)).c_str());
    auto directory = open("/", O_RDONLY);
    ASSERT_TRUE(directory);
    std::vector<std::byte> buffer(1000);
    std::size_t names = 0;
    for (;;) {
        const std::int64_t count =
            directory->entries(reinterpret_cast<Address>(buffer.data()), buffer.size());
        ASSERT_GE(count, 0);
        if (count == 0) break;
        ASSERT_TRUE(directory_entries_valid({buffer.data(), static_cast<std::size_t>(count)}));
        for (std::int64_t at = 0; at < count; names++) {
            std::uint16_t size;
            std::memcpy(&size, &buffer[static_cast<std::size_t>(at) + 16], 2);
            at += size;
        }
    }
    EXPECT_EQ(names, 302u);
    EXPECT_EQ(directory->entries(reinterpret_cast<Address>(buffer.data()), 10), 0);
    directory->seek(0, SEEK_SET);
    EXPECT_EQ(directory->entries(reinterpret_cast<Address>(buffer.data()), 10), -EINVAL);
}

}  // namespace
}  // namespace enclavisor::runtime
