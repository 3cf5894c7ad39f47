// epoll. What is inside the enclave tells this of changes and stands in a list of what
// may be ready, as in Linux; the host's files are watched by an epoll of the host's, made
// when the first comes. What the host says of them is checked against what is watched.
#pragma once

#include <sys/epoll.h>

#include <memory>
#include <span>
#include <vector>

#include "runtime/objects/object_file.hpp"

namespace enclavisor::runtime {

class Epoll;

struct EpollItem final : Waiter, FileWatch {
    EpollItem(Epoll& its_epoll, std::uint64_t its_fd, OpenFile& its_file, std::uint64_t its_token)
        : FileWatch{&its_epoll, its_fd}, epoll{&its_epoll}, file{&its_file}, token{its_token} {}
    void notify(short events) override;
    int file_closed() override;
    void set(const epoll_event& event);
    // What is reported of it.
    short mask() const { return armed ? static_cast<short>(interest | kAlwaysTold) : short{0}; }
    bool has(std::uint32_t flag) const { return given.events & flag; }

    Epoll* const epoll;
    OpenFile* const file;
    const std::uint64_t token;  // slot and generation: its name at the host
    epoll_event given{};
    bool armed = true;     // not since an event of EPOLLONESHOT
    bool at_host = false;  // the host's epoll watches it
    int own_fd = -1;       // under this descriptor, not the file's, which is there already
    WaitQueue* joined = nullptr;
    base::ListLink<EpollItem> ready, inside;
};

class Epoll final : public AnonymousFile {
public:
    explicit Epoll(int flags) : AnonymousFile{flags, "eventpoll"} {}
    ~Epoll() override;

    // As epoll_ctl. The lock may be released.
    std::int64_t add(std::uint64_t fd, const Ref<OpenFile>& file, const epoll_event& event);
    std::int64_t modify(std::uint64_t fd, const Ref<OpenFile>& file, const epoll_event& event);
    std::int64_t remove(std::uint64_t fd, const Ref<OpenFile>& file);

    // Adds what is ready inside, `most` events altogether.
    using Events = std::vector<epoll_event>;
    void collect(Events& events, std::size_t most);
    // The same with what the host's epoll said. The lock may be released.
    void collect_host(std::span<const epoll_event> said, Events& events);
    // How many of `most` events are for the host's files while others are ready, so that
    // neither side keeps the other from being heard.
    std::size_t share_of_host(std::size_t most) { return (most + (turn_ ^= 1)) / 2; }
    short readiness() override;
    std::uint64_t refresh() override;
    int poll_fd() override;
    Epoll* epoll() override { return this; }

private:
    friend struct EpollItem;
    using Ready = base::List<EpollItem, &EpollItem::ready>;
    using Inside = base::List<EpollItem, &EpollItem::inside>;

    EpollItem* find(std::uint64_t fd, const OpenFile& file) const;
    EpollItem* find(std::uint64_t token) const;
    EpollItem& make_item(std::uint64_t fd, OpenFile& file, const epoll_event& event);
    int forget(EpollItem& item);
    int watched_fd(const EpollItem& item) const;
    void make_ready(EpollItem& item);
    void look_at(EpollItem& item);
    static bool reported(const EpollItem& item, const Events& events);
    void report(EpollItem& item, short events, Events& to);
    void tell_host(std::uint64_t token);
    std::int64_t add_again(std::uint64_t token, OpenFile& file);
    std::int64_t open_host();
    std::int64_t renew_host();
    int depth_below() const;
    int depth_above() const;
    bool leads_to(const Epoll& other) const;

    std::vector<std::unique_ptr<EpollItem>> items_;  // by slot
    std::vector<std::uint32_t> generations_;         // of the slots
    std::vector<std::size_t> free_;
    Ready ready_;    // perhaps
    Inside inside_;  // those that have a queue
    int host_ = -1;
    std::uint64_t host_instance_ = 0;
    int strays_ = 0;
    unsigned turn_ = 0;
};

}  // namespace enclavisor::runtime
