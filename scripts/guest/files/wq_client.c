// SPDX-License-Identifier: Apache-2.0
// A user of a dedicated work queue: random operations by virtual address, several at once, every byte checked.
// Usage: wq_client DEVICE COUNT SEED QUEUE_SIZE MAX_BATCH      exit 0: all were right
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/idxd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { kMove, kOverlap, kFill, kEqual, kDifferent, kPattern, kDual, kBatch, kKinds };
static const char *const kNames[kKinds] = {"move", "overlapping-move", "fill", "compare-equal", "compare-different", "compare-pattern", "dualcast",
                                           "batch-of-moves"};
enum { kMost = 65536, kMembers = 8, kRoom = 2 * kMost + 8192, kJobs = 64 };

struct job {
  int kind;
  int busy;
  uint32_t size;
  uint32_t members;          // of a batch
  uint64_t pattern;
  uint32_t different_at;
  uint8_t *a, *b, *c;        // memory the device works on, kRoom bytes each
  uint8_t *expect_b, *expect_c;
  struct dsa_hw_desc *list;  // of a batch
  volatile struct dsa_completion_record *record;  // own, then those of the members
};

static uint64_t state;
static uint64_t next_random(void) {  // xorshift64*
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 2685821657736338717ull;
}
static uint64_t below(uint64_t limit) { return next_random() % limit; }
static void scribble(uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) bytes[i] = (uint8_t)(next_random() >> 32);
}
static void *pages(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    perror("wq_client: memory");
    exit(2);
  }
  return memory;
}
static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void submit(uint8_t *portal, const struct dsa_hw_desc *descriptor) {
  static unsigned slot;
  uint8_t *target = portal + 64 * (slot++ % 64);
  __asm__ volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0x02" : : "a"(target), "d"(descriptor) : "memory");  // movdir64b (%rdx), %rax
}

// Fills memory and descriptor of a job of any kind; says in expect_* what has to come out.
static void prepare(struct job *j, struct dsa_hw_desc *d) {
  const uint32_t shift_a = (uint32_t)below(4096), shift_b = (uint32_t)below(4096), shift_c = shift_b;  // dualcast: same offset in the page
  uint8_t *a = j->a + shift_a, *b = j->b + shift_b, *c = j->c + shift_c;
  memset(d, 0, sizeof *d);
  j->size = 1 + (uint32_t)below(below(4) == 0 ? kMost : 4096);
  j->different_at = j->size;
  scribble(a, j->size);
  scribble(b, j->size);
  scribble(c, j->size);
  d->flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR;
  d->completion_addr = (uint64_t)j->record;
  d->src_addr = (uint64_t)a;
  d->dst_addr = (uint64_t)b;
  d->xfer_size = j->size;
  memset((void *)j->record, 0, 64);
  switch (j->kind) {
    case kMove:
      d->opcode = DSA_OPCODE_MEMMOVE;
      break;
    case kOverlap:
      d->opcode = DSA_OPCODE_MEMMOVE;
      {
        const uint32_t distance = (uint32_t)below(j->size);  // up or down, never out of the memory
        d->dst_addr = below(2) ? (uint64_t)a + distance : (uint64_t)(distance < shift_a ? a - distance : j->a);
      }
      break;
    case kFill:
      d->opcode = DSA_OPCODE_MEMFILL;
      d->pattern = j->pattern = next_random();
      break;
    case kEqual:
    case kDifferent:
      d->opcode = DSA_OPCODE_COMPARE;
      memcpy(b, a, j->size);
      if (j->kind == kDifferent) b[j->different_at = (uint32_t)below(j->size)] ^= 0x10;
      break;
    case kPattern:
      d->opcode = DSA_OPCODE_COMPVAL;
      d->comp_pattern = j->pattern = next_random();
      for (uint32_t i = 0; i < j->size; ++i) a[i] = (uint8_t)(j->pattern >> 8 * (i % 8));
      if (below(2)) a[j->different_at = (uint32_t)below(j->size)] ^= 1;
      break;
    case kDual:
      d->opcode = DSA_OPCODE_DUALCAST;
      d->dest2 = (uint64_t)c;
      break;
    default:
      d->opcode = DSA_OPCODE_BATCH;
      d->desc_list_addr = (uint64_t)j->list;
      d->dst_addr = 0;
      d->desc_count = j->members;
      for (uint32_t m = 0; m < j->members; ++m) {
        const uint32_t piece = 1 + (uint32_t)below(4096);
        memset(&j->list[m], 0, sizeof *j->list);
        memset((void *)&j->record[2 * (m + 1)], 0, 64);
        j->list[m].opcode = DSA_OPCODE_MEMMOVE;
        j->list[m].flags = IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR;
        j->list[m].completion_addr = (uint64_t)&j->record[2 * (m + 1)];
        j->list[m].src_addr = (uint64_t)(j->a + 8192 * m);
        j->list[m].dst_addr = (uint64_t)(j->b + 8192 * m + below(4096));
        j->list[m].xfer_size = piece;
        scribble(j->a + 8192 * m, piece);
      }
  }
  memcpy(j->expect_b, j->kind == kOverlap ? j->a : j->b, kRoom);
  memcpy(j->expect_c, j->c, kRoom);
  if (j->kind == kMove || j->kind == kDual) memcpy(j->expect_b + shift_b, a, j->size);
  if (j->kind == kDual) memcpy(j->expect_c + shift_c, a, j->size);
  if (j->kind == kOverlap) memmove(j->expect_b + (d->dst_addr - (uint64_t)j->a), j->expect_b + shift_a, j->size);
  if (j->kind == kFill)
    for (uint32_t i = 0; i < j->size; ++i) j->expect_b[shift_b + i] = (uint8_t)(j->pattern >> 8 * (i % 8));
  if (j->kind == kBatch)
    for (uint32_t m = 0; m < j->members; ++m)
      memcpy(j->expect_b + (j->list[m].dst_addr - (uint64_t)j->b), (void *)j->list[m].src_addr, j->list[m].xfer_size);
  j->busy = 1;
}

// What is wrong with a finished job; nothing if it is right.
static const char *judge(const struct job *j) {
  const volatile struct dsa_completion_record *r = j->record;
  if (r->status != DSA_COMP_SUCCESS) return "status";
  if (j->kind == kEqual || j->kind == kDifferent || j->kind == kPattern) {
    const int different = j->different_at < j->size;
    if (r->result != different) return "result of the comparison";
    // A pattern is compared in units of 8 bytes: the count stops at the one that differs.
    if (different && j->kind == kDifferent && r->bytes_completed != j->different_at) return "place of the difference";
  }
  if (j->kind == kBatch)
    for (uint32_t m = 0; m < j->members; ++m)
      if (r[2 * (m + 1)].status != DSA_COMP_SUCCESS) return "status of a member";
  if (memcmp(j->kind == kOverlap ? j->a : j->b, j->expect_b, kRoom) != 0) return "bytes";
  if (memcmp(j->c, j->expect_c, kRoom) != 0) return "bytes of the second destination";
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: wq_client DEVICE COUNT SEED QUEUE_SIZE MAX_BATCH\n");
    return 2;
  }
  const long count = atol(argv[2]);
  state = (uint64_t)atol(argv[3]) * 0x9E3779B97F4A7C15ull + 1;
  long depth = atol(argv[4]) < 8 ? atol(argv[4]) : 8;
  const uint32_t max_batch = (uint32_t)atol(argv[5]);
  const int kinds = max_batch >= 2 ? kKinds : kBatch;
  const int fd = open(argv[1], O_RDWR);
  uint8_t *portal = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (portal == MAP_FAILED) {
    perror("wq_client: queue");
    return 2;
  }
  static struct job jobs[kJobs];
  struct dsa_hw_desc descriptor __attribute__((aligned(64)));
  for (long i = 0; i < depth; ++i) {
    struct job *j = &jobs[i];
    j->a = pages(kRoom);
    j->b = pages(kRoom);
    j->c = pages(kRoom);
    j->expect_b = pages(kRoom);
    j->expect_c = pages(kRoom);
    j->list = pages(4096);
    j->record = pages(4096);
  }
  long started = 0, good = 0, bad = 0, done[kKinds] = {0};
  double progress = now();
  while (good + bad < count && bad < 5) {
    for (long i = 0; i < depth; ++i) {
      struct job *j = &jobs[i];
      if (!j->busy && started < count) {
        j->kind = (int)below((uint64_t)kinds);
        j->members = j->kind == kBatch ? 2 + (uint32_t)below((max_batch < kMembers ? max_batch : kMembers) - 1) : 0;
        prepare(j, &descriptor);
        submit(portal, &descriptor);
        ++started;
        progress = now();
      } else if (j->busy && j->record->status != 0) {
        const char *wrong = judge(j);
        if (wrong) {
          printf("wq_client: %s of %u bytes: wrong %s (status %#x, result %u, %u bytes done)\n", kNames[j->kind], j->size, wrong, j->record->status,
                 j->record->result, j->record->bytes_completed);
          ++bad;
        } else {
          ++good;
          ++done[j->kind];
        }
        j->busy = 0;
        progress = now();
      }
    }
    if (now() - progress > 300) {
      printf("wq_client: nothing has ended for 300 s\n");
      ++bad;
      break;
    }
  }
  printf("SIOV: client %ld %ld", good, bad);
  for (int kind = 0; kind < kinds; ++kind) printf(" %s:%ld", kNames[kind], done[kind]);
  printf("\n");
  return good == count && bad == 0 ? 0 : 1;
}
