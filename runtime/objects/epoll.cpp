#include "runtime/objects/epoll.hpp"

#include <algorithm>

#include "runtime/objects/host_epoll.hpp"

namespace enclavisor::runtime {
namespace {

constexpr int kMaxNests = 4;         // links in a chain of epolls
constexpr short kPollBits = 0x27ff;  // what of epoll's events poll(2) knows
constexpr int kSlotBits = 32;
// Events without an item that are taken for late. More come from files that an instance
// has closed and its origin has not: the host's epoll is made anew.
constexpr int kMostStrays = 16;

// What the host is to watch for. Errors are told of always, but to EPOLLONESHOT only once.
std::uint32_t host_events(const EpollItem& item) {
    return item.armed ? item.given.events & ~(EPOLLEXCLUSIVE | EPOLLWAKEUP) : EPOLLONESHOT;
}

}  // namespace

void EpollItem::notify(short events) {
    if (events & mask()) epoll->make_ready(*this);
}

int EpollItem::file_closed() {
    return epoll->forget(*this);
}

void EpollItem::set(const epoll_event& event) {
    given = event;
    interest = static_cast<short>(event.events & kPollBits);
    armed = true;
}

Epoll::~Epoll() {
    std::vector<int> host_fds;
    for (auto& item : items_) {
        if (item == nullptr) continue;
        item->file->remove_watch(*item);
        host_fds.push_back(forget(*item));
    }
    host_fds.push_back(host_);
    for (const int fd : host_fds) {
        if (fd >= 0) host_epoll_close(fd);
    }
}

EpollItem* Epoll::find(std::uint64_t fd, const OpenFile& file) const {
    return static_cast<EpollItem*>(file.find_watch(this, fd));
}

EpollItem* Epoll::find(std::uint64_t token) const {
    const std::uint64_t slot = token & ((1ull << kSlotBits) - 1);
    if (slot >= items_.size() || items_[slot] == nullptr || items_[slot]->token != token) return nullptr;
    return items_[slot].get();
}

EpollItem& Epoll::make_item(std::uint64_t fd, OpenFile& file, const epoll_event& event) {
    std::size_t slot = 0;
    if (!free_.empty()) {
        slot = free_.back();
        free_.pop_back();
    } else {
        slot = items_.size();
        items_.emplace_back();
        generations_.push_back(0);
    }
    const std::uint64_t token = slot | std::uint64_t{generations_[slot]} << kSlotBits;
    items_[slot] = std::make_unique<EpollItem>(*this, fd, file, token);
    EpollItem& item = *items_[slot];
    item.set(event);
    file.add_watch(item);
    if (WaitQueue* queue = file.queue(); queue != nullptr) {
        queue->add(item);
        item.joined = queue;
        inside_.push_back(&item);
    }
    return item;
}

// The file does not know it any more. A descriptor that is to be closed, or -1.
int Epoll::forget(EpollItem& item) {
    const int own_fd = item.own_fd;
    if (item.joined != nullptr) {
        item.joined->remove(item);
        inside_.remove(&item);
    }
    if (item.ready.linked) ready_.remove(&item);
    const std::size_t slot = item.token & ((1ull << kSlotBits) - 1);
    generations_[slot]++;
    items_[slot].reset();
    free_.push_back(slot);
    return own_fd;
}

int Epoll::watched_fd(const EpollItem& item) const {
    return item.own_fd >= 0 ? item.own_fd : item.file->poll_fd();
}

void Epoll::make_ready(EpollItem& item) {
    if (!item.ready.linked) ready_.push_back(&item);
    queue_.notify(kReadable);
}

void Epoll::look_at(EpollItem& item) {
    if (!item.ready.linked && (item.file->readiness() & item.mask())) make_ready(item);
}

int Epoll::depth_below() const {
    int depth = 0;
    for (const auto& item : items_) {
        if (item == nullptr || item->file->epoll() == nullptr) continue;
        depth = std::max(depth, 1 + item->file->epoll()->depth_below());
    }
    return depth;
}

int Epoll::depth_above() const {
    int depth = 0;
    for (const FileWatch* w = watches().first(); w != nullptr; w = Watches::next(w)) {
        depth = std::max(depth, 1 + static_cast<const EpollItem*>(w)->epoll->depth_above());
    }
    return depth;
}

bool Epoll::leads_to(const Epoll& other) const {
    return this == &other || std::any_of(items_.begin(), items_.end(), [&](const auto& item) {
               return item != nullptr && item->file->epoll() != nullptr &&
                      item->file->epoll()->leads_to(other);
           });
}

std::int64_t Epoll::add(std::uint64_t fd, const Ref<OpenFile>& file, const epoll_event& event) {
    if (find(fd, *file) != nullptr) return -EEXIST;
    if (Epoll* inner = file->epoll(); inner != nullptr) {
        if (inner->leads_to(*this) || inner->depth_below() + 1 + depth_above() > kMaxNests) return -ELOOP;
        // It may have files of the host's later, which must be seen here.
        if (const std::int64_t made = inner->open_host(); made < 0) return made;
    }
    if (file->poll_fd() < 0) {
        look_at(make_item(fd, *file, event));
        return 0;
    }
    if (const std::int64_t host = open_host(); host < 0) return host;
    if (find(fd, *file) != nullptr) return -EEXIST;  // another thread was faster
    EpollItem& item = make_item(fd, *file, event);
    const std::uint64_t token = item.token;
    item.at_host = true;
    look_at(item);
    std::int64_t result = host_epoll_control(host_, EPOLL_CTL_ADD, file->poll_fd(), host_events(item), token);
    // Under another descriptor of the program's the file may be watched once more.
    if (result == -EEXIST) result = add_again(token, *file);
    if (result != 0 && find(token) != nullptr) {
        file->remove_watch(*find(token));
        if (const int own_fd = forget(*find(token)); own_fd >= 0) host_epoll_close(own_fd);
    }
    return result;
}

std::int64_t Epoll::add_again(std::uint64_t token, OpenFile& file) {
    const std::int64_t own_fd = host_epoll_duplicate(file.poll_fd());
    EpollItem* item = find(token);
    if (own_fd < 0 || item == nullptr) {
        if (own_fd >= 0) host_epoll_close(static_cast<int>(own_fd));
        return own_fd < 0 ? own_fd : 0;
    }
    item->own_fd = static_cast<int>(own_fd);
    return host_epoll_control(host_, EPOLL_CTL_ADD, item->own_fd, host_events(*item), token);
}

std::int64_t Epoll::modify(std::uint64_t fd, const Ref<OpenFile>& file, const epoll_event& event) {
    file->poll_fd();  // if it needs a new one, then before anything is looked at
    EpollItem* item = find(fd, *file);
    if (item == nullptr) return -ENOENT;
    if (item->has(EPOLLEXCLUSIVE)) return -EINVAL;
    item->set(event);
    look_at(*item);
    if (!item->at_host) return 0;
    if (const std::int64_t host = open_host(); host < 0) return host;
    if ((item = find(fd, *file)) == nullptr) return -ENOENT;
    return host_epoll_control(host_, EPOLL_CTL_MOD, watched_fd(*item), host_events(*item), item->token);
}

std::int64_t Epoll::remove(std::uint64_t fd, const Ref<OpenFile>& file) {
    file->poll_fd();
    EpollItem* item = find(fd, *file);
    if (item == nullptr) return -ENOENT;
    const bool at_host = item->at_host;
    const int fd_at_host = at_host ? watched_fd(*item) : -1;
    file->remove_watch(*item);
    const int own_fd = forget(*item);
    // In an instance that has not made its own yet there is nothing to remove.
    if (at_host && host_instance_ == instance_generation())
        host_epoll_control(host_, EPOLL_CTL_DEL, fd_at_host, 0, 0);
    if (own_fd >= 0) host_epoll_close(own_fd);
    return 0;
}

bool Epoll::reported(const EpollItem& item, const Events& events) {
    return std::any_of(events.begin(), events.end(),
                       [&](const epoll_event& event) { return event.data.u64 == item.given.data.u64; });
}

void Epoll::report(EpollItem& item, short events, Events& to) {
    epoll_event event = item.given;
    event.events = static_cast<std::uint16_t>(events);
    to.push_back(event);
    if (item.has(EPOLLONESHOT)) item.armed = false;
}

void Epoll::collect(Events& events, std::size_t most) {
    refresh();
    // What is put back stands behind the last.
    const EpollItem* const last = ready_.last();
    for (bool more = last != nullptr; more && events.size() < most;) {
        EpollItem& item = *ready_.pop_front();
        more = &item != last;
        const short found = item.file->readiness() & item.mask();
        if (found == 0) continue;
        // An epoll with files of both kinds is reported once.
        if (!item.at_host || !reported(item, events)) report(item, found, events);
        if (item.armed && !item.has(EPOLLET)) ready_.push_back(&item);
    }
}

// What an item is to the host: after EPOLLONESHOT nothing, which the host knows by itself
// unless the event came from inside. Another thread may change the item meanwhile.
void Epoll::tell_host(std::uint64_t token) {
    for (const EpollItem* item = find(token); item != nullptr;) {
        const bool armed = item->armed;
        const Ref<OpenFile> file{item->file};
        host_epoll_control(host_, EPOLL_CTL_MOD, watched_fd(*item), host_events(*item), token);
        item = find(token);
        if (item != nullptr && item->armed == armed) return;
    }
}

void Epoll::collect_host(std::span<const epoll_event> said, Events& events) {
    for (const epoll_event& event : said) {
        EpollItem* item = find(event.data.u64);
        if (item == nullptr) {
            strays_++;
            continue;
        }
        const auto found = static_cast<short>(event.events & static_cast<std::uint16_t>(item->mask()));
        if (found != 0) report(*item, found, events);
        if (item->joined != nullptr && !item->armed) tell_host(item->token);
    }
    if (strays_ > kMostStrays) renew_host();
}

short Epoll::readiness() {
    refresh();
    for (EpollItem* item = ready_.first(); item != nullptr; item = Ready::next(item)) {
        if (item->file->readiness() & item->mask()) return kReadable;
    }
    return 0;
}

std::uint64_t Epoll::refresh() {
    std::uint64_t next = 0;
    for (EpollItem* item = inside_.first(); item != nullptr; item = Inside::next(item)) {
        const std::uint64_t time = item->file->refresh();
        if (time != 0 && (next == 0 || time < next)) next = time;
    }
    return next;
}

int Epoll::poll_fd() {
    return host_ < 0 ? -1 : static_cast<int>(std::max<std::int64_t>(open_host(), -1));
}

std::int64_t Epoll::open_host() {
    return host_ >= 0 && host_instance_ == instance_generation() ? host_ : renew_host();
}

std::int64_t Epoll::renew_host() {
    const int old = host_;
    const std::int64_t made = host_epoll_create();
    if (made < 0) return made;
    if (host_ != old) {  // another thread was faster
        host_epoll_close(static_cast<int>(made));
        return host_;
    }
    host_ = static_cast<int>(made);
    host_instance_ = instance_generation();
    strays_ = 0;
    for (std::size_t slot = 0; slot < items_.size(); slot++) {
        const EpollItem* item = items_[slot].get();
        if (item == nullptr || !item->at_host) continue;
        const Ref<OpenFile> file{item->file};
        const std::uint64_t token = item->token;
        file->poll_fd();  // a nested one's is made anew, too
        if ((item = find(token)) == nullptr) continue;
        host_epoll_control(host_, EPOLL_CTL_ADD, watched_fd(*item), host_events(*item), token);
    }
    if (old >= 0) host_epoll_close(old);
    // Who waits at the old one comes here.
    queue_.notify(kReadable);
    return host_;
}

}  // namespace enclavisor::runtime
