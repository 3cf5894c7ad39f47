// Who has locked which bytes of a file: the rules of fcntl(2)'s record locks. Pure
// bookkeeping.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace enclavisor::runtime {

inline constexpr std::uint64_t kEndOfFile = 1ull << 63;  // of a range without an end

enum class LockKind : std::uint8_t { kNone, kShared, kExclusive };

struct RangeLock {
    const void* owner;  // a process, or an open file
    std::uint64_t begin, end;
    LockKind kind;
};

class RangeLocks {
public:
    bool empty() const { return locks_.empty(); }

    // The first lock of another owner that is in the way; null: none is.
    const RangeLock* conflict(const void* owner, std::uint64_t begin, std::uint64_t end,
                              LockKind kind) const {
        const auto found = std::find_if(locks_.begin(), locks_.end(), [&](const RangeLock& lock) {
            return lock.owner != owner && lock.begin < end && begin < lock.end &&
                   (kind == LockKind::kExclusive || lock.kind == LockKind::kExclusive);
        });
        return found == locks_.end() ? nullptr : &*found;
    }

    // The owner's lock on that range is of that kind, whatever it was before.
    void set(const void* owner, std::uint64_t begin, std::uint64_t end, LockKind kind) {
        std::vector<RangeLock> kept;
        for (const RangeLock& lock : locks_) {
            if (lock.owner != owner || lock.end <= begin || end <= lock.begin) {
                kept.push_back(lock);
                continue;
            }
            if (lock.begin < begin) kept.push_back({owner, lock.begin, begin, lock.kind});
            if (end < lock.end) kept.push_back({owner, end, lock.end, lock.kind});
        }
        if (kind != LockKind::kNone) kept.push_back({owner, begin, end, kind});
        locks_ = std::move(kept);
    }

    bool has(const void* owner) const {
        return std::any_of(locks_.begin(), locks_.end(),
                           [&](const RangeLock& lock) { return lock.owner == owner; });
    }

    // Calls with each piece of the range and the strongest lock that anybody has on it, in order.
    template <typename Function>
    void for_each_piece(std::uint64_t begin, std::uint64_t end, Function function) const {
        std::vector<std::uint64_t> borders{begin, end};
        for (const RangeLock& lock : locks_) {
            for (const std::uint64_t border : {lock.begin, lock.end}) {
                if (border > begin && border < end) borders.push_back(border);
            }
        }
        std::sort(borders.begin(), borders.end());
        borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
        for (std::size_t i = 0; i + 1 < borders.size(); i++) {
            LockKind strongest = LockKind::kNone;
            for (const RangeLock& lock : locks_) {
                if (lock.begin <= borders[i] && borders[i] < lock.end)
                    strongest = std::max(strongest, lock.kind);
            }
            function(borders[i], borders[i + 1], strongest);
        }
    }

private:
    std::vector<RangeLock> locks_;
};

}  // namespace enclavisor::runtime
