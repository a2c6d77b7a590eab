"""The commands, in the order of the help, and the function behind each: those of `autotrack.cli` that are called."""

COMMANDS = {
    "run": "run_help.run",
    "ls": "ls.ls",
    "show": "show.show",
    "compare": "compare.compare",
    "best": "compare.best",
    "report": "report.report",
    "tag": "edit.tag",
    "note": "edit.note",
    "rename": "edit.rename",
    "undo": "edit.undo",
    "export": "manage.export",
    "du": "manage.du",
    "rm": "manage.rm",
    "archive": "archive.archive",
    "unarchive": "archive.unarchive",
    "reproduce": "reproduce.reproduce_command",
    "export-project": "export_project.export_project_command",
    "sync": "sync.sync",
    "tensorboard": "tensorboard.tensorboard",
    "doctor": "doctor.doctor",
}
