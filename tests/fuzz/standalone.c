/*
 * standalone.c - gives a fuzz target every file of the folders that are named, where libFuzzer is not linked.
 *
 * Called as libFuzzer's own main would be: words that start with a dash are its options and are passed over. Exit
 * status 2 where a folder cannot be read or holds no input: a corpus that was lost must not look like a success.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    return -1;
  }
  uint8_t *data = NULL;
  size_t size = 0, got;
  do {
    uint8_t *bigger = realloc(data, size + 65536);
    if (!bigger)
      abort();
    data = bigger;
    got = fread(data + size, 1, 65536, file);
    size += got;
  } while (got);
  fclose(file);
  /* A block of exactly this size, so that AddressSanitizer sees the first byte that is read too far. */
  uint8_t *exact = realloc(data, size ? size : 1);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
  return 0;
}

/* The number of inputs; -1 on an error. */
static int run_folder(const char *folder) {
  DIR *dir = opendir(folder);
  if (!dir) {
    perror(folder);
    return -1;
  }
  int count = 0;
  for (struct dirent *entry; count >= 0 && (entry = readdir(dir));) {
    if (entry->d_name[0] == '.')
      continue;
    count = run_file(folder, entry->d_name) ? -1 : count + 1;
  }
  closedir(dir);
  return count;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (argv[i][0] == '-')
      continue;
    int count = run_folder(argv[i]);
    if (count <= 0) {
      fprintf(stderr, "%s: no input was run\n", argv[i]);
      return 2;
    }
    printf("%s: %d inputs\n", argv[i], count);
  }
  return 0;
}
