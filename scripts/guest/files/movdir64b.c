// SPDX-License-Identifier: Apache-2.0
// Stands in for MOVDIR64B, which QEMU's TCG does not have: the instruction traps, and eight stores of 8 bytes do its work. As a preload for
// programs that use it, or linked into one. The device's end puts the eight stores of a slot together again.
//
// ENQCMD and ENQCMDS cannot be stood in for: they ask the device whether it takes the descriptor, and no store can do that. They end the program
// with a message and exit code 99. UMONITOR, UMWAIT and TPAUSE are skipped: waiting in a loop without them is as good.
//
// All memory is locked: a page fault of the device cannot be told to the guest's kernel.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

// Number of a register in an instruction -> its place in the saved context.
static const int kRegister[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

struct instruction {
  uint8_t mandatory;  // 0x66, 0xF2, 0xF3 or 0
  uint8_t rex;
  int short_address;  // prefix 67
  uint8_t opcode[3];  // behind 0F
  const uint8_t *modrm;
};

static int32_t signed32(const uint8_t *bytes) {
  int32_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

// Prefixes and opcode. Returns the ModRM byte, or nothing if this is no two-byte opcode.
static const uint8_t *decode(const uint8_t *p, struct instruction *i) {
  memset(i, 0, sizeof *i);
  for (;; ++p) {
    if (*p == 0x66 || *p == 0xF2 || *p == 0xF3) {
      if (i->mandatory == 0 || *p != 0x66) i->mandatory = *p;
    } else if (*p == 0x67) {
      i->short_address = 1;
    } else {
      break;
    }
  }
  if ((*p & 0xF0) == 0x40) i->rex = *p++;
  if (*p++ != 0x0F) return NULL;
  i->opcode[0] = *p++;
  if (i->opcode[0] == 0x38) i->opcode[1] = *p++;
  return i->modrm = p;
}

// Length of ModRM, SIB and displacement; the address that they name goes to *address.
static int operand(const struct instruction *i, const greg_t *registers, uint64_t *address) {
  const uint8_t *p = i->modrm;
  const int mod = *p >> 6;
  int rm = *p & 7;
  uint64_t sum = 0;
  ++p;
  if (mod == 3) {
    *address = (uint64_t)registers[kRegister[rm | (i->rex & 1) << 3]];
    return 1;
  }
  if (rm == 4) {
    const int base = *p & 7;
    const int index = (*p >> 3 & 7) | (i->rex & 2) << 2;
    if (index != 4) sum += (uint64_t)registers[kRegister[index]] << (*p >> 6);
    ++p;
    if (base == 5 && mod == 0) {
      sum += (uint64_t)(int64_t)signed32(p);
      p += 4;
    } else {
      sum += (uint64_t)registers[kRegister[base | (i->rex & 1) << 3]];
    }
  } else if (rm == 5 && mod == 0) {
    p += 4;  // relative to the next instruction, which begins here
    sum = (uint64_t)p + (uint64_t)(int64_t)signed32(p - 4);
  } else {
    sum = (uint64_t)registers[kRegister[rm | (i->rex & 1) << 3]];
  }
  if (mod == 1) sum += (uint64_t)(int64_t)(int8_t)*p++;
  if (mod == 2) {
    sum += (uint64_t)(int64_t)signed32(p);
    p += 4;
  }
  *address = i->short_address ? (uint32_t)sum : sum;
  return (int)(p - i->modrm);
}

static void illegal(int number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uint8_t *start = (const uint8_t *)registers[REG_RIP];
  struct instruction i;
  uint64_t source = 0;
  (void)number;
  (void)info;
  if (decode(start, &i) != NULL) {
    const int length = operand(&i, registers, &source);
    const int move = i.opcode[0] == 0x38 && i.opcode[1] == 0xF8;
    const int wait = i.opcode[0] == 0xAE && (*i.modrm >> 6) == 3 && (*i.modrm >> 3 & 7) == 6;
    if (move && i.mandatory == 0x66) {
      uint64_t words[8];
      volatile uint64_t *slot = (volatile uint64_t *)registers[kRegister[(*i.modrm >> 3 & 7) | (i.rex & 4) << 1]];
      memcpy(words, (const void *)source, sizeof words);
      for (int word = 0; word < 8; ++word) slot[word] = words[word];
      registers[REG_RIP] = (greg_t)(i.modrm + length);
      return;
    }
    if (wait) {
      registers[REG_EFL] &= ~(greg_t)1;  // carry: the time limit was the cause
      registers[REG_RIP] = (greg_t)(i.modrm + length);
      return;
    }
    if (move) {
      dprintf(2, "movdir64b: %s cannot be stood in for: use a dedicated queue\n", i.mandatory == 0xF2 ? "ENQCMD" : "ENQCMDS");
      _exit(99);
    }
  }
  dprintf(2, "movdir64b: illegal instruction at %p: %02x %02x %02x %02x %02x\n", (const void *)start, start[0], start[1], start[2], start[3],
          start[4]);
  _exit(98);
}

__attribute__((constructor)) static void begin(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = illegal;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGILL, &action, NULL);
  mlockall(MCL_CURRENT | MCL_FUTURE);
}
