#include "host/lib/worker_pool.hpp"

namespace enclavisor::host {

WorkerPool::WorkerPool(unsigned threads) {
    for (unsigned i = 0; i < threads; i++) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() {
    {
        std::lock_guard guard{mutex_};
        ending_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void WorkerPool::perform(std::function<void()> job) {
    {
        std::lock_guard guard{mutex_};
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
}

void WorkerPool::run() {
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        job = nullptr;
        lock.lock();
    }
}

}  // namespace enclavisor::host
