// Files whose bytes are inside the enclave and that have a position.
#pragma once

#include <string>
#include <vector>

#include "runtime/files/open_file.hpp"

namespace enclavisor::runtime {

class PositionedFile : public OpenFile {
public:
    using OpenFile::OpenFile;

    std::int64_t read(const Buffers& to, std::uint64_t offset) override;
    std::int64_t write(const Buffers& from, std::uint64_t offset) override;
    std::int64_t seek(std::int64_t offset, int whence) override;
    std::int64_t sync(bool) override { return 0; }
    std::int64_t control(std::uint64_t request, Address argument) override;
    bool can_map() override { return true; }

protected:
    virtual std::uint64_t size() const = 0;
    virtual std::int64_t read_at(const Buffers& to, std::uint64_t offset) = 0;
    virtual std::int64_t write_at(const Buffers&, std::uint64_t) { return -EBADF; }

private:
    std::uint64_t position_ = 0;
};

// Fixed text, as under /proc.
class TextFile : public PositionedFile {
public:
    TextFile(int flags, const struct stat& info, std::string text)
        : PositionedFile{flags}, info_{info}, text_{std::move(text)} {}
    std::int64_t stat(struct stat& to) override {
        to = info_;
        return 0;
    }

protected:
    std::uint64_t size() const override { return text_.size(); }
    std::int64_t read_at(const Buffers& to, std::uint64_t offset) override;

private:
    struct stat info_;
    std::string text_;
};

struct Entry {
    std::string name;
    std::uint64_t inode;
    std::uint8_t type;  // DT_*
};

// A directory inside the enclave. The entries are collected anew when it is
// read from its beginning.
class DirectoryFile : public OpenFile {
public:
    DirectoryFile(int flags, std::string path) : OpenFile{flags}, path_{std::move(path)} {}
    std::int64_t read(const Buffers&, std::uint64_t) override { return -EISDIR; }
    std::int64_t entries(Address to, std::uint64_t size) override;
    std::int64_t seek(std::int64_t offset, int whence) override;
    std::int64_t sync(bool) override { return 0; }
    std::string path() const override { return path_; }

protected:
    virtual std::vector<Entry> collect() = 0;  // "." and ".." included

private:
    std::string path_;
    std::vector<Entry> entries_;
    std::uint64_t position_ = 0;
};

}  // namespace enclavisor::runtime
