// The devices that need no hardware.
#pragma once

#include "runtime/files/open_file.hpp"

namespace enclavisor::runtime {

enum class DeviceKind : std::uint8_t { kNull, kZero, kFull, kRandom };

class DeviceFile final : public OpenFile {
public:
    DeviceFile(std::string_view path, DeviceKind kind, int flags, const struct stat& info)
        : OpenFile{flags}, path_{path}, kind_{kind}, info_{info} {}
    std::int64_t read(const Buffers& to, std::uint64_t) override;
    std::int64_t write(const Buffers& from, std::uint64_t) override;
    std::int64_t seek(std::int64_t, int) override { return 0; }
    std::int64_t stat(struct stat& to) override {
        to = info_;
        return 0;
    }
    bool can_map() override { return kind_ == DeviceKind::kZero; }
    std::string name() const override { return std::string{path_}; }

private:
    std::string_view path_;  // of static storage
    DeviceKind kind_;
    struct stat info_;
};

// Fills program memory with random bytes: how many, or -EFAULT.
std::int64_t fill_random(const Buffers& to);

}  // namespace enclavisor::runtime
