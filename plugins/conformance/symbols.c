/*
 * symbols.c - reads the list of exported symbols from a shared library's file.
 *
 * For the check that a driver exports its entry and nothing else. Knows 64-bit ELF in the machine's byte order.
 */
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conformance.h"

/* Names that compilers and sanitizers add begin with two underscores or are the old section marks. */
static bool is_from_toolchain(const char *name) {
  return strncmp(name, "__", 2) == 0 || strcmp(name, "_init") == 0 || strcmp(name, "_fini") == 0;
}

static bool is_exported(const Elf64_Sym *symbol) {
  unsigned binding = ELF64_ST_BIND(symbol->st_info);
  unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);
  return symbol->st_shndx != SHN_UNDEF && (binding == STB_GLOBAL || binding == STB_WEAK) &&
         (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static int list_section(const char *base, const Elf64_Shdr *section, const char *strings, char *names, size_t size) {
  const Elf64_Sym *symbols = (const Elf64_Sym *)(const void *)(base + section->sh_offset);
  int count = 0;
  size_t used = 0;
  for (size_t i = 0; i < section->sh_size / sizeof *symbols; i++) {
    const char *name = strings + symbols[i].st_name;
    if (!is_exported(&symbols[i]) || is_from_toolchain(name)) {
      continue;
    }
    count++;
    size_t len = strlen(name);
    if (used + len + 2 < size) {
      memcpy(names + used, name, len);
      used += len;
      names[used++] = ' ';
    }
  }
  names[used > 0 ? used - 1 : 0] = '\0';
  return count;
}

static int list_mapped(const char *base, size_t len, char *names, size_t size) {
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)(const void *)base;
  if (len < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_shoff + header->e_shnum * sizeof(Elf64_Shdr) > len) {
    return -1;
  }
  const Elf64_Shdr *sections = (const Elf64_Shdr *)(const void *)(base + header->e_shoff);
  for (unsigned i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type == SHT_DYNSYM) {
      return list_section(base, &sections[i], base + sections[sections[i].sh_link].sh_offset, names, size);
    }
  }
  return -1;
}

int symbols_list(const char *file, char *names, size_t size) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0 || info.st_size <= 0) {
    if (fd >= 0) {
      close(fd);
    }
    return -1;
  }
  void *base = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (base == MAP_FAILED) {
    return -1;
  }
  int count = list_mapped(base, (size_t)info.st_size, names, size);
  munmap(base, (size_t)info.st_size);
  return count;
}
