/** The command line's commands and options, from commander's own description of them. */

import type { Argument, Command, Option } from "commander";
import { Command as Program } from "commander";
import { addControlOptions } from "../../src/cli/control-client.ts";
import { createProgram } from "../../src/cli/program.ts";
import { code, table } from "./markdown.ts";

/** Options of every command that talks to the hub: told once. */
const controlOptions = addControlOptions(new Program()).options;

export function commandSections(): string {
  const sections = commands(createProgram()).map(({ name, command }) => section(name, command));
  return [
    ...sections,
    `### Options of commands that talk to the hub\n\n${optionTable(controlOptions)}`,
  ].join("\n\n");
}

/** Those that do something, with their whole names. */
function commands(parent: Command, prefix = ""): { name: string; command: Command }[] {
  return parent.commands.flatMap((command) => {
    const name = prefix + command.name();
    return command.commands.length > 0 ? commands(command, `${name} `) : [{ name, command }];
  });
}

function section(name: string, command: Command): string {
  const words = [name, ...command.registeredArguments.map(argumentWord)];
  const flags = controlOptions.map((option) => option.flags);
  const own = command.options.filter((option) => !option.hidden);
  const isControl = flags.every((flag) => own.some((option) => option.flags === flag));
  const told = isControl ? own.filter((option) => !flags.includes(option.flags)) : own;
  const paragraphs = [`### ${code(words.join(" "))}`, sentence(command, isControl)];
  if (told.length > 0) paragraphs.push(optionTable(told));
  return paragraphs.join("\n\n");
}

function argumentWord(argument: Argument): string {
  return argument.required ? argument.name().toUpperCase() : `[${argument.name().toUpperCase()}]`;
}

function sentence(command: Command, isControl: boolean): string {
  const texts = [`${upperFirst(command.description())}.`];
  for (const argument of command.registeredArguments) {
    const byDefault = defaultText(argument.defaultValue);
    texts.push(`${argument.name().toUpperCase()}: ${argument.description}${byDefault}.`);
  }
  if (isControl) texts.push("Talks to the hub.");
  return texts.join(" ");
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map((option) => {
    const choices = option.argChoices === undefined ? "" : `: ${option.argChoices.join(", ")}`;
    const required = option.mandatory && option.defaultValue === undefined ? "; required" : "";
    const text = option.description + choices + defaultText(option.defaultValue) + required;
    return [code(option.flags), text];
  });
  return table(["option", "meaning"], rows);
}

function defaultText(value: unknown): string {
  return value === undefined
    ? ""
    : `; default ${code(typeof value === "string" ? value : JSON.stringify(value))}`;
}

function upperFirst(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
