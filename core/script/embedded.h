/*
 * embedded.h - the files of the folder templates/, which the build puts into the program.
 */
#ifndef SCRIPT_EMBEDDED_H
#define SCRIPT_EMBEDDED_H

#include "base/embedded.h"

extern const struct embedded_file script_templates[];

#endif
