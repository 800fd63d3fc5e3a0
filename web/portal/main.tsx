import "./portal.css";
import { start } from "../shared/start.tsx";
import { App } from "./app.tsx";

start(<App />);
